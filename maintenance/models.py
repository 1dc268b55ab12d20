"""What went over the wire (the message log is the durable inbox), who was refused, and what stations reported of
themselves."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from accounts.rights import Can
from chargers.models import ChargingStation
from cpms.common.mail import OutgoingMail
from cpms.common.models import OfStationsQuerySet, ScopedQuerySet
from maintenance.actions import FREQUENT_ACTIONS, written

TOO = ["station", "received_at"]


class MessageQuerySet(OfStationsQuerySet):
    right = Can.SEE_MESSAGES

    def of_action(self, action: str) -> Self:
        """Messages with this action, written in any case if OCPP knows it."""
        return self.filter(action=written(action))

    def errors(self) -> Self:
        return self.exclude(error_code="")


class Message(models.Model):
    """One OCPP Call with its answer, in either direction. Append-only; partitioned by day on PostgreSQL."""

    class Direction(models.TextChoices):
        FROM_STATION = "in", _("from the station")
        TO_STATION = "out", _("to the station")

    station = models.ForeignKey(
        ChargingStation,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("station"),
    )
    received_at = models.DateTimeField(_("time"), default=timezone.now)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    action = models.CharField(_("action"), max_length=60, blank=True)
    message_id = models.CharField(_("message id"), max_length=64, blank=True)
    payload = models.TextField(_("payload"), blank=True)  # as sent, JSON text
    answer = models.TextField(_("answer"), blank=True)  # JSON text of the CALLRESULT, or the CALLERROR's details
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    epoch = models.BigIntegerField(_("connection epoch"), default=0)
    protocol = models.CharField(_("protocol"), max_length=8, default="1.6", db_default="1.6")
    is_deviating = models.BooleanField(_("deviates from the schema"), default=False, db_default=False)
    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["station", "-id"], name="message_station_newest"),
            models.Index(fields=["-received_at", "-id"], name="message_newest"),
            # of the few that somebody looks for, with what else is looked at: most messages are in none of these
            models.Index(fields=["-id"], include=TOO, condition=~Q(error_code=""), name="message_error"),
            models.Index(fields=["-id"], include=TOO, condition=Q(direction="out"), name="message_to_station"),
            models.Index(
                fields=["action", "-id"],
                include=TOO,
                condition=~Q(action__in=FREQUENT_ACTIONS),
                name="message_rare_action",
            ),
        ]
        verbose_name, verbose_name_plural = _("message"), _("messages")

    def __str__(self) -> str:
        return f"{self.action} · {self.received_at:%Y-%m-%d %H:%M:%S}"


class InboxEntry(models.Model):
    """A stored and answered message that is not applied yet. The row goes when it is applied; a failed one stays."""

    message_id = models.BigIntegerField(_("message"), primary_key=True)
    station = models.ForeignKey(
        ChargingStation,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("station"),
    )
    shard = models.PositiveSmallIntegerField(_("shard"))
    protocol = models.CharField(_("protocol"), max_length=8, default="1.6")
    received_at = models.DateTimeField(_("received"))
    is_deviating = models.BooleanField(  # to be read leniently
        _("deviates from the schema"), default=False, db_default=False
    )
    failed_at = models.DateTimeField(_("failed"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        ordering = ["message_id"]
        indexes = [
            models.Index(fields=["shard", "message_id"], condition=Q(failed_at__isnull=True), name="inbox_waiting"),
            models.Index(fields=["failed_at"], condition=Q(failed_at__isnull=False), name="inbox_failed"),
        ]
        verbose_name, verbose_name_plural = _("inbox entry"), _("inbox")

    def __str__(self) -> str:
        return str(self.message_id)


class InboxShard(models.Model):
    """The lock of one part of the inbox: one worker at a time, so that a station's messages stay in order."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    drained_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("inbox shard"), _("inbox shards")

    def __str__(self) -> str:
        return str(self.number)


class StationLinkQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class StationLink(models.Model):
    """One connection of a station, from the handshake to its end (W110)."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="links", verbose_name=_("station")
    )
    epoch = models.PositiveBigIntegerField(_("epoch"))
    node = models.CharField(_("node"), max_length=80)
    remote_address = models.CharField(_("address"), max_length=64, blank=True)
    subprotocol = models.CharField(_("subprotocol"), max_length=20, blank=True)
    opened_at = models.DateTimeField(_("opened"), default=timezone.now)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    close_code = models.PositiveSmallIntegerField(_("close code"), null=True, blank=True)
    objects = StationLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["station", "epoch"], name="link_epoch_once")]
        verbose_name, verbose_name_plural = _("connection"), _("connections")

    def __str__(self) -> str:
        return f"{self.station} · {self.epoch}"


class RefusedConnectionQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class RefusedConnection(models.Model):
    """Connections we refused, without secrets.

    What concerns a station is counted in one row per cause, source and hour; what concerns none in one row per source
    and hour. The other columns are those of the last of them.
    """

    class Cause(models.TextChoices):
        UNKNOWN_PATH = "unknown_path", _("The address is not an OCPP address")
        UNKNOWN_IDENTITY = "unknown_identity", _("No station has this identity")
        NO_SUBPROTOCOL = "no_subprotocol", _("No OCPP version was offered")
        WRONG_SUBPROTOCOL = "wrong_subprotocol", _("None of the offered OCPP versions is spoken here")
        NO_CREDENTIALS = "no_credentials", _("No password was sent")
        WRONG_CREDENTIALS = "wrong_credentials", _("The password is wrong")
        WRONG_USER = "wrong_user", _("The user name is not the identity in the address")
        TWO_CREDENTIALS = "two_credentials", _("Two Authorization headers were sent")
        TOO_MANY_ATTEMPTS = "too_many_attempts", _("Too many wrong passwords")
        NOT_ENCRYPTED = "not_encrypted", _("The connection is not encrypted, though the station must use TLS")
        STORAGE = "storage", _("The database could not be written")

    class Near(models.TextChoices):
        """What a client that is not quite a station of a team got wrong."""

        CASE = "case", _("The identity differs in upper and lower case")
        BLANKS = "blanks", _("The identity has extra spaces")
        PATH = "path", _("The address around the identity is wrong")
        USER = "user", _("The identity is only in the user name, not in the address")
        USER_CASE = "user_case", _("The user name differs from the identity in upper and lower case")
        PASSWORD_CASE = "password_case", _("The password differs in upper and lower case")
        PASSWORD_BLANKS = "password_blanks", _("The password has extra spaces")

    cause = models.CharField(_("cause"), max_length=24, choices=Cause.choices)
    near = models.CharField(_("mistake"), max_length=16, choices=Near.choices, blank=True, db_default="")
    path = models.CharField(_("path"), max_length=255)
    identity = models.CharField(_("identity"), max_length=48, blank=True)
    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("station")
    )
    remote_address = models.CharField(_("address"), max_length=64, blank=True)
    subprotocols = models.CharField(_("offered versions"), max_length=255, blank=True)
    authentication = models.CharField(_("kind of authentication"), max_length=20, blank=True)
    is_tls = models.BooleanField(_("encrypted"), default=False)
    user_agent = models.CharField(_("client"), max_length=255, blank=True)
    hour = models.DateTimeField(editable=False)
    bucket = models.CharField(max_length=160, blank=True, db_default="", editable=False)  # what is counted together
    first_at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"))
    count = models.PositiveIntegerField(_("times"), default=1)
    objects = RefusedConnectionQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(fields=["bucket"], condition=~Q(bucket=""), name="refusal_counted_in_one_row")
        ]
        indexes = [
            models.Index(fields=["hour"], condition=Q(station=None), name="refusal_of_strangers"),
            models.Index(fields=["-last_at"], name="refusal_newest"),
            models.Index(fields=["cause", "-last_at"], name="refusal_cause_newest"),
        ]
        verbose_name, verbose_name_plural = _("refused connection"), _("refused connections")

    def __str__(self) -> str:
        return f"{self.get_cause_display()} · {self.path}"


class UnnamedProxy(models.Model):
    """An address that sent X-Forwarded-For though it is not in TRUSTED_PROXIES, so that it was not believed."""

    address = models.CharField(_("address"), max_length=64, unique=True)
    first_at = models.DateTimeField(_("first"), default=timezone.now)
    last_at = models.DateTimeField(_("last"), default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-last_at"]
        verbose_name, verbose_name_plural = _("unnamed proxy"), _("unnamed proxies")

    def __str__(self) -> str:
        return self.address


class DeviationQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class Deviation(models.Model):
    """B15: how often a station broke a rule of the protocol. Never what it said, only which rule and field."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="deviations", db_index=False, verbose_name=_("station")
    )
    action = models.CharField(_("action"), max_length=60, blank=True)
    code = models.CharField(_("answer"), max_length=60, blank=True)  # of the CALLERROR; empty: it was tolerated
    what = models.CharField(_("rule"), max_length=120, blank=True)  # 'status: enum'; empty: many other ones together
    count = models.PositiveBigIntegerField(_("times"), default=1)
    first_at = models.DateTimeField(_("first"), default=timezone.now)
    last_at = models.DateTimeField(_("last"), default=timezone.now)
    objects = DeviationQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["station", "action", "code", "what"], name="deviation_counted")]
        indexes = [models.Index(fields=["-last_at"], name="deviation_newest")]
        verbose_name, verbose_name_plural = _("deviation"), _("deviations")

    def __str__(self) -> str:
        return f"{self.action} {self.what} · {self.station}"


class SecurityEventQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES

    def alerts(self) -> Self:
        """Critical ones that nobody has acknowledged."""
        return self.filter(is_critical=True, acknowledged_at__isnull=True)


class SecurityEvent(models.Model):
    """A SecurityEventNotification (OCPP 1.6 security whitepaper, 2.0.1 A04): stored before it is answered (P40)."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="security_events", verbose_name=_("station")
    )
    type = models.CharField(_("type"), max_length=255)
    at = models.DateTimeField(_("time"))
    tech_info = models.CharField(_("technical information"), max_length=1000, blank=True)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    is_critical = models.BooleanField(_("critical"), default=False)
    notified_at = models.DateTimeField(_("mails written"), null=True, blank=True)  # of critical ones
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
            models.Index(
                fields=["id"], condition=Q(is_critical=True, notified_at__isnull=True), name="security_event_to_notify"
            ),
        ]
        verbose_name, verbose_name_plural = _("security event"), _("security events")

    def __str__(self) -> str:
        return f"{self.type} · {self.station}"


class Happening(models.Model):
    """Something that people were told of, so that it is told once."""

    key = models.CharField(_("key"), max_length=80, unique=True)
    at = models.DateTimeField(_("told"), default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("happening"), _("happenings")

    def __str__(self) -> str:
        return self.key


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
    """News for one person (W29). Its words are made when it is read, in the language of who reads it."""

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
    key = models.CharField(max_length=100, editable=False)  # of what happened: told to a person once
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
        return f"{self.get_job_display()}: {self.status} · {self.station}"


class CertificateRequestQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class CertificateRequest(models.Model):
    """A certificate signing request of a station (SignCertificate). Kept until there is an authority to sign it."""

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
