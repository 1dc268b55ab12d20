"""Reports of stations that make no sense or cannot be applied."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from cpms.common.models import ScopedQuerySet, empty_object


class OddityQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class Oddity(models.Model):
    """A report of a station that makes no sense or could not be applied. It is stored whole, never dropped."""

    class Kind(models.TextChoices):
        CONFLICTING_STOP = "conflicting_stop", _("Second, different end of a session")
        POISON = "poison", _("Message could not be processed")
        UNKNOWN_CONNECTOR = "unknown_connector", _("Invalid connector number")
        UNMATCHED_END = "unmatched_end", _("End of an unknown session")
        MESSAGE_TOO_LARGE = "message_too_large", _("Message too large")

    station = models.ForeignKey(
        "chargers.ChargingStation", on_delete=models.CASCADE, related_name="oddities", verbose_name=_("station")
    )
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    session_id = models.BigIntegerField(_("session"), null=True, blank=True, db_index=True)
    action = models.CharField(_("action"), max_length=60, blank=True)
    note = models.TextField(_("details"), blank=True)
    facts = models.JSONField(
        default=dict, db_default=empty_object(), blank=True, editable=False
    )  # the details of the note as values, for pages
    payload = models.TextField(_("as received"), blank=True)
    digest = models.CharField(max_length=64, editable=False)  # the same anomaly is stored once
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    objects = OddityQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["station", "kind", "digest"], name="oddity_once")]
        indexes = [models.Index(fields=["station", "-received_at"], name="oddity_station_newest")]
        verbose_name, verbose_name_plural = _("unusual event"), _("unusual events")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.station}"
