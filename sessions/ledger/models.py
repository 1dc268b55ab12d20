"""The session ledger: charging sessions (OCPP: transactions)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Window
from django.db.models.functions import Coalesce, Lag, Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from accounts.models import Team
from chargers.models import ChargingStation, Tag
from chargers.vocabulary import TagVerdict
from cpms.common.models import ScopedQuerySet, empty_object


class Flag(models.TextChoices):
    """Why a session needs review. Flags never stop a session from being stored."""

    UNAUTHORISED = "unauthorised", _("Tag was not accepted")
    RECONSTRUCTED = "reconstructed", _("Only the end was reported")
    SUPERSEDED = "superseded", _("Closed because the next session started")
    CLOSED_BY_RULE = "closed_by_rule", _("Closed because the station stopped reporting")
    OFFLINE = "offline", _("Charged while the station was offline")
    CLOCK = "clock", _("Station's clock was wrong")
    NEGATIVE_DURATION = "negative_duration", _("Ended before it started")
    METER_RESET = "meter_reset", _("Meter went backwards")
    ENERGY_MISMATCH = "energy_mismatch", _("Meter readings disagree with the total")
    CONFLICTING_STOP = "conflicting_stop", _("Two different ends were reported")
    TIME_MISSING = "time_missing", _("Time not reported, time of arrival used")
    METER_MISSING = "meter_missing", _("Meter value not reported, nearest reading used")
    NEGATIVE_REGISTER = "negative_register", _("Meter end is below meter start")
    TOO_MUCH_ENERGY = "too_much_energy", _("More energy than the connector can deliver")
    OVERLAP = "overlap", _("Overlaps another session on this connector")


# A session with one of these is not billed until it has been reviewed.
FLAGS_THAT_STOP_BILLING = frozenset(
    {
        Flag.CLOCK,
        Flag.NEGATIVE_DURATION,
        Flag.CONFLICTING_STOP,
        Flag.NEGATIVE_REGISTER,
        Flag.TOO_MUCH_ENERGY,
        Flag.OVERLAP,
    }
)


def flag_labels(flags: Iterable[str]) -> list[str]:
    return [str(Flag(flag).label) for flag in flags if flag in Flag.values]


class ChargingSessionQuerySet(ScopedQuerySet):
    station_path, right = "station", Can.SEE_SESSIONS

    def reachable_by(self, user: Any) -> Self:
        """Return sessions at stations that the user may see, and sessions with the user's own tags at any station."""
        seen = self.allowed(user, self.right)
        if not user.is_authenticated or user.is_staff or not user.access.foreign_tag_ids:
            return seen
        condition = user.access.scope(self.right).condition(self.team_path, self.station_path)
        return self.filter(condition | Q(tag__in=user.access.foreign_tag_ids))

    def open(self) -> Self:
        return self.filter(stopped_at__isnull=True)

    def started_between(self, start: datetime, end: datetime) -> Self:
        return self.filter(started_at__gte=start, started_at__lt=end)

    def with_gaps(self) -> Self:
        """Return sessions whose start register differs from the end register of the previous one on the same connector.

        Adds `gap_wh` and, of the previous session, `before_id`, `before_stopped_at` and `before_stop_wh`. This is a
        window over the sessions of this queryset, so limit it by time. The first session of each connector is compared
        with the last one that started before it, even outside the queryset. Pairs without both registers are excluded.
        """
        earlier = self.model._default_manager.filter(
            station=OuterRef("station"),
            connector_number=OuterRef("connector_number"),
            started_at__lt=OuterRef("started_at"),
        ).order_by("-started_at", "-id")

        def previous(column: str) -> Coalesce:
            lag = Window(Lag(column), partition_by=["station", "connector_number"], order_by=["started_at", "id"])
            return Coalesce(lag, Subquery(earlier.values(column)[:1]))

        return (
            self.filter(connector_number__gt=0)
            .annotate(
                before_id=previous("id"),
                before_stopped_at=previous("stopped_at"),
                before_stop_wh=previous("meter_stop_wh"),
            )
            .annotate(gap_wh=F("meter_start_wh") - F("before_stop_wh"))
            .filter(Q(gap_wh__gt=0) | Q(gap_wh__lt=0))
        )


class ChargingSession(models.Model):
    """One charging session. Its primary key is the transaction id that an OCPP 1.6 station uses.

    Times are the station's own; the times of arrival are stored beside them. If the station's time is implausible
    (1970, the future) or missing, `started_at` and `stopped_at` are the times of arrival, and an implausible time is
    stored in `reported_started_at` and `reported_stopped_at`. The energy is meter_stop_wh - meter_start_wh, or the sum
    of the rising parts if the meter was reset.
    """

    class ClosedBy(models.TextChoices):
        STATION = "station", _("Station")
        SUPERSEDED = "superseded", _("Next session")  # a late report of the station replaces this one and the next
        RULE = "rule", _("Rule")

    team = models.ForeignKey(
        Team,
        on_delete=models.PROTECT,
        related_name="charging_sessions",
        null=True,
        db_index=False,
        verbose_name=_("team"),
    )
    station = models.ForeignKey(
        ChargingStation,
        on_delete=models.PROTECT,
        related_name="charging_sessions",
        db_index=False,
        verbose_name=_("station"),
    )
    connector_number = models.PositiveIntegerField(_("connector"), default=0)  # 0: unknown (reconstructed)
    id_tag = models.CharField(_("id tag"), max_length=255, blank=True)  # as the station sent it
    tag = models.ForeignKey(
        Tag,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="charging_sessions",
        db_index=False,
        verbose_name=_("tag"),
    )
    authorization = models.CharField(_("authorization"), max_length=20, default=TagVerdict.ACCEPTED)
    is_billable = models.BooleanField(_("billable"), default=True)

    started_at = models.DateTimeField(_("start"))
    start_received_at = models.DateTimeField(_("start received"), null=True, blank=True)
    reported_started_at = models.DateTimeField(_("start by the station's clock"), null=True, blank=True)
    meter_start_wh = models.BigIntegerField(_("meter start (Wh)"), null=True, blank=True)

    stopped_at = models.DateTimeField(_("end"), null=True, blank=True)
    stop_received_at = models.DateTimeField(_("end received"), null=True, blank=True)
    reported_stopped_at = models.DateTimeField(_("end by the station's clock"), null=True, blank=True)
    meter_stop_wh = models.BigIntegerField(_("meter end (Wh)"), null=True, blank=True)
    stop_reason = models.CharField(_("reason"), max_length=40, blank=True)
    stop_id_tag = models.CharField(_("id tag at the end"), max_length=255, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=12, choices=ClosedBy.choices, blank=True)
    reported_transaction_id = models.BigIntegerField(null=True, blank=True, editable=False)  # if it was not ours

    energy_wh = models.BigIntegerField(_("energy (Wh)"), default=0)
    last_register_wh = models.BigIntegerField(null=True, blank=True, editable=False)
    last_sample_at = models.DateTimeField(_("last reading"), null=True, blank=True)
    power_w = models.IntegerField(_("power (W)"), null=True, blank=True)  # None: not measured
    max_power_w = models.IntegerField(_("highest power (W)"), null=True, blank=True)
    state_of_charge = models.DecimalField(
        _("state of charge (%)"), max_digits=5, decimal_places=1, null=True, blank=True
    )
    sample_interval_seconds = models.PositiveIntegerField(null=True, blank=True, editable=False)  # the shortest gap
    sample_count = models.PositiveIntegerField(_("sampled values"), default=0)
    # What the station sent where it was interpreted differently: {"meter_start": "1000.4", "stop_reason": "Sleepy"}
    as_reported = models.JSONField(_("as reported"), default=dict, db_default=empty_object(), blank=True)
    flags = models.JSONField(_("flags"), default=list, blank=True)
    has_flags = models.BooleanField(_("needs review"), default=False, editable=False)

    objects = ChargingSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            # The natural key of a reported start: a repeated report belongs to the same session.
            models.UniqueConstraint(
                "station",
                "connector_number",
                "id_tag",
                Coalesce("reported_started_at", "started_at"),
                "meter_start_wh",
                condition=Q(start_received_at__isnull=False),
                name="session_start_once",
            ),
            models.UniqueConstraint(
                fields=["station", "connector_number"],
                condition=Q(stopped_at__isnull=True, connector_number__gt=0),
                name="session_one_open_per_connector",
            ),
            # The natural key of a reported end whose start is unknown.
            models.UniqueConstraint(
                fields=["station", "reported_transaction_id", "stopped_at", "meter_stop_wh"],
                condition=Q(reported_transaction_id__isnull=False),
                name="session_foreign_stop_once",
            ),
            models.CheckConstraint(condition=Q(energy_wh__gte=0), name="session_energy_not_negative"),
        ]
        indexes = [
            models.Index(fields=["team", "-started_at"], name="session_team_newest"),
            models.Index(fields=["station", "-started_at"], name="session_station_newest"),
            models.Index(fields=["station"], condition=Q(stopped_at__isnull=True), name="session_open"),
            models.Index(fields=["tag", "-started_at"], name="session_tag_newest"),
            models.Index(fields=["-started_at"], name="session_newest"),
            models.Index(fields=["team", "-started_at"], condition=Q(has_flags=True), name="session_flagged"),
            models.Index(
                fields=["-started_at", "-id"],
                include=["team"],
                condition=Q(has_flags=True),
                name="session_flagged_newest",
            ),
            models.Index(Upper("id_tag"), F("started_at").desc(), name="session_id_tag_newest"),
            models.Index(
                fields=["closed_by", "-started_at"],
                condition=Q(closed_by__in=["superseded", "rule"]),
                name="session_closed_by_us",
            ),
            models.Index(fields=["-started_at"], condition=Q(is_billable=False), name="session_not_billable"),
        ]
        verbose_name, verbose_name_plural = _("charging session"), _("charging sessions")

    def __str__(self) -> str:
        return str(_("Session %(number)s") % {"number": self.pk})

    def get_absolute_url(self) -> str:
        return reverse("sessions:session_detail", args=[self.pk])

    @property
    def transaction_id(self) -> int:
        return self.pk

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None

    @property
    def duration(self) -> timedelta:
        """The time from start to end, or to now; never negative, even if the station's clock was wrong."""
        end = self.stopped_at or timezone.now()
        return max(timedelta(0), end - self.started_at)

    def add_flag(self, flag: Flag) -> None:
        """Set a flag; the caller saves `flags` and `has_flags`."""
        if flag.value not in self.flags:
            self.flags = [*self.flags, flag.value]
        self.has_flags = True

    @property
    def flag_labels(self) -> list[str]:
        return flag_labels(self.flags)
