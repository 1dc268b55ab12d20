"""What stations report of their own, and who is told of it."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from accounts.models import Team
from chargers.models import ChargingStation, Event
from chargers.vocabulary import JobStatus, label_of
from cpms.common.messaging.mail import OutgoingMail
from cpms.common.models import ScopedQuerySet


class SecurityEventQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES

    def alerts(self) -> Self:
        """Critical ones that nobody has acknowledged."""
        return self.filter(is_critical=True, acknowledged_at__isnull=True)


class SecurityEvent(models.Model):
    """A security event (OCPP 1.6 security whitepaper, 2.0.1 A04), stored before the station gets its answer."""

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
        """The key of its event: the station repeats a report in the same words."""
        words = f"{self.type}|{self.at.astimezone(UTC).isoformat()}|{self.tech_info}"
        return f"{self.station_id}-{hashlib.sha256(words.encode()).hexdigest()[:32]}"


class NotificationQuerySet(models.QuerySet[Any]):
    right = Can.SEE_STATIONS

    def reachable_by(self, user: Any) -> Self:
        """For addresses of one: whatever group is chosen."""
        if not user.is_authenticated:
            return self.none()
        scope = user.scope(Can.SEE_STATIONS)
        return self._among(user, Q() if scope.is_everything else scope.condition("station__team", "station"))

    def visible_to(self, user: Any) -> Self:
        """One's own, as long as one may see the station it is about; with a group chosen, of its stations."""
        if not user.is_authenticated:
            return self.none()
        return self._among(user, user.shown(Can.SEE_STATIONS, "station__team", "station"))

    def _among(self, user: Any, seen: Q) -> Self:
        """One's own: of no station, or of these; an empty condition means all stations, and `or` would drop it."""
        return self.filter(self._of_no_station(user) | seen if seen else Q(), user=user)

    @staticmethod
    def _of_no_station(user: Any) -> Q:
        """They may be about any team, so a session that is limited to one does not show them."""
        return Q(station__isnull=True) if user.only_team is None else Q(pk__in=[])

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """A notification for one user. Its text is built when it is read, in the language of the reader."""

    class Kind(models.TextChoices):
        ALARM = "alarm", _("Security")
        FAULT = "fault", _("Fault")
        AWAY = "away", _("Offline")
        GRANT = "grant", _("Access")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notifications",
        db_index=False,
        verbose_name=_("person"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    key = models.CharField(max_length=100, editable=False)  # a person is told of an event once
    event = models.ForeignKey(
        Event, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("event")
    )  # none where it is about many
    parameters = models.JSONField(_("facts"), default=dict, blank=True)
    link = models.CharField(_("page"), max_length=200, blank=True)
    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("station")
    )
    created_at = models.DateTimeField(_("time"), default=timezone.now, db_index=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_newest"),
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="notification_unread"),
        ]
        verbose_name, verbose_name_plural = _("notification"), _("notifications")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.user}"


class NotificationChoice(models.Model):
    """What one person wants to hear of one kind of news; without a row all of it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_choices",
        verbose_name=_("person"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Notification.Kind.choices)
    bell = models.BooleanField(_("at the bell"), default=True)
    mail = models.BooleanField(_("by mail"), default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="notification_choice_once")]
        verbose_name, verbose_name_plural = _("choice of notifications"), _("choices of notifications")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.user}"


class AlarmMail(OutgoingMail):
    """A mail about something that went wrong, to one person. For every kind of alarm."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", verbose_name=_("team"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("person")
    )
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"))

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="alarm_mail_to_send"),
            models.Index(fields=["team", "-created_at"], name="alarm_mail_team_newest"),
        ]
        verbose_name, verbose_name_plural = _("alarm mail"), _("alarm mails")

    def __str__(self) -> str:
        return self.subject


class ProgressReportQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class ProgressReport(models.Model):
    """What a station says of a long job of its own: firmware, signed firmware, diagnostics, log upload."""

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
    message_id = models.BigIntegerField(unique=True, editable=False)  # of our log: applied twice is applied once
    objects = ProgressReportQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["station", "job", "-id"], name="progress_station_newest")]
        verbose_name, verbose_name_plural = _("progress report"), _("progress reports")

    def __str__(self) -> str:
        return f"{self.get_job_display()}: {label_of(JobStatus, self.status)} · {self.station}"


class CertificateRequestQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class CertificateRequest(models.Model):
    """A certificate signing request of a station. Kept until there is an authority to sign it."""

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
