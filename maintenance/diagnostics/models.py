"""Progress of long jobs of stations: firmware updates and log uploads."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.models import ChargingStation
from chargers.vocabulary import JobStatus, label_of
from cpms.common.models import ScopedQuerySet


class ProgressReportQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class ProgressReport(models.Model):
    """A status that a station reported about a firmware update or an upload."""

    class Job(models.TextChoices):
        FIRMWARE = "firmware", _("Firmware update")
        SIGNED_FIRMWARE = "signed_firmware", _("Signed firmware update")
        DIAGNOSTICS = "diagnostics", _("Diagnostics upload")
        LOG = "log", _("Log upload")

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="progress_reports", verbose_name=_("station")
    )
    job = models.CharField(_("job"), max_length=16, choices=Job.choices)
    status = models.CharField(_("status"), max_length=255)
    request_id = models.BigIntegerField(_("request"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"))
    # in the message log; unique, so that applying a message twice stores it once
    message_id = models.BigIntegerField(unique=True, editable=False)
    objects = ProgressReportQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["station", "job", "-id"], name="progress_station_newest")]
        verbose_name, verbose_name_plural = _("progress report"), _("progress reports")

    def __str__(self) -> str:
        return f"{self.get_job_display()}: {label_of(JobStatus, self.status)} · {self.station}"
