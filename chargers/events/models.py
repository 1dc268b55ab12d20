"""The outbox of events that users should be notified of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Team


class EventQuerySet(models.QuerySet[Any]):
    def open(self) -> Self:
        """Return events that have not ended: the fault or the absence still lasts."""
        return self.filter(ended_at__isnull=True)

    def to_notify(self, *, since: datetime) -> Self:
        """Return open events for which no notification has been created yet."""
        return self.open().filter(notified_at__isnull=True, at__gt=since)

    def to_mail(self) -> Self:
        """Return events of the kinds that are mailed for which no e-mail has been written yet."""
        return self.filter(kind=Event.Kind.SECURITY, mailed_at__isnull=True)


class Event(models.Model):
    """Something that happened, recorded in the transaction of the service that detected it.

    Notifications and mails are written from this table; each of them records in its own column what it has handled.
    Nothing else detects these events a second time.
    """

    class Kind(models.TextChoices):
        FAULT = "fault", _("Connector faulted")
        OFFLINE = "offline", _("Station offline")
        SECURITY = "security", _("Critical security event")
        ACCESS = "access", _("Access granted")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("team")
    )
    installation = models.ForeignKey(
        "chargers.Installation",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("installation"),
    )
    station = models.ForeignKey(
        "chargers.ChargingStation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("station"),
    )
    key = models.CharField(_("key"), max_length=100, null=True, blank=True)  # each key is recorded once
    data = models.JSONField(_("details"), default=dict, blank=True)
    at = models.DateTimeField(_("time"), default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    notified_at = models.DateTimeField(_("notified"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("mails written"), null=True, blank=True)
    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="event_once")]
        indexes = [
            models.Index(fields=["station", "kind"], condition=Q(ended_at__isnull=True), name="event_open"),
            models.Index(
                fields=["at"], condition=Q(ended_at__isnull=True, notified_at__isnull=True), name="event_to_notify"
            ),
            models.Index(fields=["id"], condition=Q(kind="security", mailed_at__isnull=True), name="event_to_mail"),
        ]
        verbose_name, verbose_name_plural = _("event"), _("events")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.at:%Y-%m-%d %H:%M:%S}"
