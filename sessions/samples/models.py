"""Meter readings of sessions (OCPP: meter values)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.models import ChargingStation
from cpms.common.models import OfStationsQuerySet
from sessions.ledger.models import ChargingSession


class MeterReadingQuerySet(OfStationsQuerySet):
    right = Can.SEE_SESSIONS


class MeterReading(models.Model):
    """All values that a station sampled at one instant.

    `values` contains each sampled value as it was sent: a list of objects with value, measurand, unit, phase, context,
    location and format. The other columns are the figures that charts need, in base units.
    """

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("station")
    )
    connector_number = models.PositiveIntegerField(_("connector"))
    session = models.ForeignKey(
        ChargingSession,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="readings",
        db_index=False,
        verbose_name=_("session"),
    )
    at = models.DateTimeField(_("time"))
    values = models.JSONField(_("sampled values"))
    energy_wh = models.BigIntegerField(_("meter reading (Wh)"), null=True, blank=True)
    power_w = models.IntegerField(_("power (W)"), null=True, blank=True)
    offered_w = models.IntegerField(_("offered (W)"), null=True, blank=True)
    current_ma = models.JSONField(_("current per phase (mA)"), null=True, blank=True)  # {"L1": 15700, ...}
    state_of_charge = models.DecimalField(
        _("state of charge (%)"), max_digits=5, decimal_places=1, null=True, blank=True
    )
    # the id that the station sent, if there is no such session yet: its end may still arrive
    reported_transaction_id = models.BigIntegerField(null=True, blank=True, editable=False)
    objects = MeterReadingQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["station", "reported_transaction_id"],
                condition=Q(session__isnull=True, reported_transaction_id__isnull=False),
                name="reading_of_unknown_session",
            ),
            models.Index(fields=["station", "-id"], name="reading_station_newest"),
            models.Index(fields=["-at"], name="reading_newest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "at"], condition=Q(session__isnull=False), name="reading_once_per_session"
            ),
            models.UniqueConstraint(
                fields=["station", "connector_number", "at"],
                condition=Q(session__isnull=True),
                name="reading_once_per_connector",
            ),
        ]
        verbose_name, verbose_name_plural = _("meter reading"), _("meter readings")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} · {self.station_id}/{self.connector_number}"
