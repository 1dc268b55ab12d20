"""Connections of stations, refused connections, unnamed proxies and protocol violations."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.models import ChargingStation
from cpms.common.models import ScopedQuerySet


class StationLinkQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES


class StationLink(models.Model):
    """A connection of a station, from handshake to close."""

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
    """Refused connections that are counted together, without secrets.

    Those that concern a station have one row per cause, source and hour; those of unknown clients have one row per
    source and hour. The other columns describe the most recent connection.
    """

    class Cause(models.TextChoices):
        UNKNOWN_PATH = "unknown_path", _("The address is not an OCPP address")
        UNKNOWN_IDENTITY = "unknown_identity", _("No station has this identity")
        NO_SUBPROTOCOL = "no_subprotocol", _("No OCPP version was offered")
        WRONG_SUBPROTOCOL = "wrong_subprotocol", _("None of the offered OCPP versions is supported")
        NO_CREDENTIALS = "no_credentials", _("No password was sent")
        WRONG_CREDENTIALS = "wrong_credentials", _("The password is wrong")
        WRONG_USER = "wrong_user", _("The user name is not the identity in the address")
        TWO_CREDENTIALS = "two_credentials", _("Two Authorization headers were sent")
        TOO_MANY_ATTEMPTS = "too_many_attempts", _("Too many wrong passwords")
        NOT_ENCRYPTED = "not_encrypted", _("The connection is not encrypted, though the station must use TLS")
        STORAGE = "storage", _("The database could not be written")

    class Near(models.TextChoices):
        """How a refused client differs from the station that it resembles."""

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
    # key of the refusals that are counted together
    bucket = models.CharField(max_length=160, blank=True, db_default="", editable=False)
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
    """An address that sent X-Forwarded-For but is not in TRUSTED_PROXIES, so that the header was ignored."""

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
    """How often a station broke a rule of the protocol. Stores the field and the rule, never the content."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="deviations", db_index=False, verbose_name=_("station")
    )
    action = models.CharField(_("action"), max_length=60, blank=True)
    # error code of our CALLERROR; empty: the message was processed
    code = models.CharField(_("answer"), max_length=60, blank=True)
    # such as 'status: enum'; empty: all further rules together
    what = models.CharField(_("rule"), max_length=120, blank=True)
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
