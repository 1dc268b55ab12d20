"""Certificate requests of stations."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.models import ChargingStation
from cpms.common.models import ScopedQuerySet


class CertificateRequestQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class CertificateRequest(models.Model):
    """A certificate signing request of a station, stored until a certificate authority can sign it."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="certificate_requests", verbose_name=_("station")
    )
    csr = models.TextField(_("request (PEM)"))
    digest = models.CharField(max_length=64, editable=False)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    objects = CertificateRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["station", "digest"], name="certificate_request_once")]
        verbose_name, verbose_name_plural = _("certificate request"), _("certificate requests")

    def __str__(self) -> str:
        return f"{self.station} · {self.received_at:%Y-%m-%d}"
