"""Commands to stations, stored as rows so that a restart loses none."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can, KeyKind
from accounts.models import ApiToken, ProgramKey
from chargers.models import ChargingStation
from cpms.common.models import ScopedQuerySet
from sessions.models import ChargingSession


class CommandQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"
    right = Can.SEE_MESSAGES

    def unsettled(self) -> Self:
        return self.filter(state__in=[Command.State.REQUESTED, Command.State.SENT])

    def with_requester(self) -> Self:
        """Load the requester, and annotate whether the API key of the request is still valid (`is_key_valid`)."""
        now = timezone.now()
        token = ApiToken.objects.filter(Q(expiry_date=None) | Q(expiry_date__gt=now), revoked=False)
        key = ProgramKey.objects.valid(now)
        return self.select_related("requested_by__program__team").annotate(
            is_key_valid=Case(
                When(
                    requested_with=KeyKind.TOKEN,
                    then=Exists(token.filter(prefix=OuterRef("requested_key"), user=OuterRef("requested_by"))),
                ),
                When(requested_with=KeyKind.KEY, then=Exists(key.filter(prefix=OuterRef("requested_key")))),
                # access tokens expire after an hour, so check that the client could still get a new one
                When(
                    requested_with=KeyKind.ACCESS_TOKEN,
                    then=Exists(key.filter(program__user=OuterRef("requested_by"))),
                ),
                default=Value(True),
            )
        )


class Command(models.Model):
    """A command to a station, from the request to the effect that the station reported."""

    class Kind(models.TextChoices):
        REMOTE_START = "remote_start", _("Start session")
        REMOTE_STOP = "remote_stop", _("Stop session")
        RESET = "reset", _("Reset")
        CHANGE_AVAILABILITY = "change_availability", _("Change availability")
        UNLOCK = "unlock", _("Unlock connector")
        TRIGGER_MESSAGE = "trigger_message", _("Request a message")
        GET_CONFIGURATION = "get_configuration", _("Read configuration")
        CHANGE_CONFIGURATION = "change_configuration", _("Change configuration")
        CLEAR_CACHE = "clear_cache", _("Clear authorization cache")
        DATA_TRANSFER = "data_transfer", _("Send vendor data")
        RAW = "raw", _("Other message")

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waiting")
        SENT = "sent", _("Sent")
        ACCEPTED = "accepted", _("Accepted")
        CONFIRMED = "confirmed", _("Done")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")  # the station answered with a CALLERROR
        TIMED_OUT = "timed_out", _("No answer")
        UNKNOWN = "unknown", _("Outcome unknown")  # the link broke after it was sent
        EXPIRED = "expired", _("Expired")
        CANCELLED = "cancelled", _("Cancelled")  # the requester lost the right before it was sent

    class CancelReason(models.TextChoices):
        ACCOUNT = "account", _("The account that requested it was deactivated.")
        ACCESS = "access", _("The access with which it was requested ended or was withdrawn.")
        ROLE = "role", _("The role of the person who requested it no longer allows it.")
        KEY = "key", _("The API key with which it was requested was revoked or has expired.")
        SCOPE = "scope", _("The application that requested it no longer has the scope for it.")
        FEATURE = "feature", _("Commands were switched off for the team.")
        HANDED_OVER = "handed_over", _("The station was handed over to another team.")

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="commands", verbose_name=_("station")
    )
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    state = models.CharField(_("status"), max_length=12, choices=State.choices, default=State.REQUESTED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_with = models.CharField(
        max_length=12, choices=KeyKind.choices, blank=True, default="", db_default="", editable=False
    )  # kind of the API key; empty: requested on a page or by the system
    requested_key = models.CharField(
        max_length=8, blank=True, default="", db_default="", editable=False
    )  # prefix of the API key
    requested_scopes = models.JSONField(null=True, editable=False)  # scopes of the API key; None: not limited
    is_by_system = models.BooleanField(default=True, db_default=True, editable=False)  # requested by no user
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    sent_epoch = models.PositiveBigIntegerField(null=True, blank=True, editable=False)
    message_id = models.CharField(_("message id"), max_length=36, blank=True)
    # OCPP version of action and answer, and name of the action
    protocol = models.CharField(_("protocol"), max_length=8, default="1.6", db_default="1.6", editable=False)
    action = models.CharField(_("action"), max_length=60, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    answer = models.JSONField(_("answer"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=60, blank=True)
    error_description = models.CharField(_("error"), max_length=255, blank=True)
    cancel_reason = models.CharField(
        _("reason"), max_length=12, choices=CancelReason.choices, blank=True, default="", db_default=""
    )
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    session = models.ForeignKey(
        ChargingSession,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="commands",
        verbose_name=_("session"),
    )
    objects = CommandQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # At most one unanswered CALL per station (OCPP-J 1.6 section 4.1.1)
            models.UniqueConstraint(fields=["station"], condition=Q(state="sent"), name="command_one_open_per_station"),
        ]
        indexes = [
            models.Index(fields=["station", "-id"], name="command_station_newest"),
            models.Index(
                fields=["state", "id"], condition=Q(state__in=["requested", "sent"]), name="command_unsettled"
            ),
            models.Index(fields=["kind", "sent_at"], name="command_recent"),
            models.Index(fields=["message_id"], name="command_message_id"),
            models.Index(fields=["kind", "-id"], name="command_kind_newest"),
            models.Index(fields=["state", "-id"], name="command_state_newest"),
        ]
        verbose_name, verbose_name_plural = _("command"), _("commands")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.station}"

    @property
    def is_settled(self) -> bool:
        return self.state not in (self.State.REQUESTED, self.State.SENT)
