"""Notifications of users, their choices, and alarm e-mails."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from accounts.models import Team
from chargers.models import ChargingStation, Event
from cpms.common.messaging.mail import OutgoingMail


class NotificationQuerySet(models.QuerySet[Any]):
    right = Can.SEE_STATIONS

    def reachable_by(self, user: Any) -> Self:
        """For addresses of one: whatever group is chosen."""
        if not user.is_authenticated:
            return self.none()
        scope = user.access.scope(Can.SEE_STATIONS)
        return self._among(user, Q() if scope.is_everything else scope.condition("station__team", "station"))

    def visible_to(self, user: Any) -> Self:
        """One's own, as long as one may see the station it is about; with a group chosen, of its stations."""
        if not user.is_authenticated:
            return self.none()
        return self._among(user, user.access.shown(Can.SEE_STATIONS, "station__team", "station"))

    def _among(self, user: Any, seen: Q) -> Self:
        """One's own: of no station, or of these; an empty condition means all stations, and `or` would drop it."""
        return self.filter(self._of_no_station(user) | seen if seen else Q(), user=user)

    @staticmethod
    def _of_no_station(user: Any) -> Q:
        """They may be about any team, so a session that is limited to one does not show them."""
        return Q(station__isnull=True) if user.access.only_team_id is None else Q(pk__in=[])

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
