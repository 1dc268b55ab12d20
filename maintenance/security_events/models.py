"""Security events that stations report."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.models import ChargingStation
from cpms.common.models import ScopedQuerySet


class SecurityEventQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES

    def alerts(self) -> Self:
        """Filter for critical events that are not acknowledged."""
        return self.filter(is_critical=True, acknowledged_at__isnull=True)


class SecurityEvent(models.Model):
    """A security event (OCPP 1.6 security whitepaper, 2.0.1 A04), stored before the station is answered."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="security_events", verbose_name=_("station")
    )
    type = models.CharField(_("type"), max_length=255)
    at = models.DateTimeField(_("time"))
    tech_info = models.CharField(_("technical information"), max_length=1000, blank=True)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    is_critical = models.BooleanField(_("critical"), default=False)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("acknowledged by"),
    )
    objects = SecurityEventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["station", "type", "at", "tech_info"], name="security_event_once")
        ]
        indexes = [
            models.Index(
                fields=["station", "-id"],
                condition=Q(is_critical=True, acknowledged_at__isnull=True),
                name="security_event_alert",
            ),
        ]
        verbose_name, verbose_name_plural = _("security event"), _("security events")

    def __str__(self) -> str:
        return f"{self.type} · {self.station}"

    @property
    def outbox_key(self) -> str:
        """The key of the matching event, equal for a repeated report."""
        content = f"{self.type}|{self.at.astimezone(UTC).isoformat()}|{self.tech_info}"
        return f"{self.station_id}-{hashlib.sha256(content.encode()).hexdigest()[:32]}"
