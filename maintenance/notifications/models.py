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
        """Return the user's notifications that may be opened by their address, whatever group is chosen."""
        if not user.is_authenticated:
            return self.none()
        scope = user.access.scope(Can.SEE_STATIONS)
        return self._among(user, Q() if scope.is_everything else scope.condition("station__team", "station"))

    def visible_to(self, user: Any) -> Self:
        """Return the user's notifications of stations that they may see; if a group is chosen, of its stations only."""
        if not user.is_authenticated:
            return self.none()
        return self._among(user, user.access.shown(Can.SEE_STATIONS, "station__team", "station"))

    def _among(self, user: Any, stations: Q) -> Self:
        """Return the user's notifications without a station or of these stations. An empty condition means all."""
        return self.filter(self._of_no_station(user) | stations if stations else Q(), user=user)

    @staticmethod
    def _of_no_station(user: Any) -> Q:
        """Match notifications without a station. They may concern any team, so a session of one team gets none."""
        return Q(station__isnull=True) if user.access.only_team_id is None else Q(pk__in=[])

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """A notification for one user. Its text is created on reading, in the user's language."""

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
    key = models.CharField(max_length=100, editable=False)  # prevents a second notification of the same event
    event = models.ForeignKey(
        Event, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("event")
    )  # empty for a summary of many events
    parameters = models.JSONField(_("data"), default=dict, blank=True)
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
    """Whether a user wants notifications of one kind in the portal and by e-mail. Without a row: both."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_choices",
        verbose_name=_("person"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Notification.Kind.choices)
    bell = models.BooleanField(_("in the portal"), default=True)
    mail = models.BooleanField(_("by e-mail"), default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="notification_choice_once")]
        verbose_name, verbose_name_plural = _("notification setting"), _("notification settings")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.user}"


class AlarmMail(OutgoingMail):
    """An e-mail about alarms to one user."""

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
        verbose_name, verbose_name_plural = _("alert e-mail"), _("alert e-mails")

    def __str__(self) -> str:
        return self.subject
