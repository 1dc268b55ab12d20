"""Stations, their connectors, and the gateway processes that hold their links."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.db.models.functions import Now, Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from chargers.vocabulary import (
    ConnectorFormat,
    ConnectorStandard,
    ConnectorStatus,
    PhaseRotation,
    PowerType,
    RegistrationStatus,
)
from cpms.common.models import EncryptedField, ScopedQuerySet, empty_object

MAX_CONNECTOR_CURRENT_A = 1000
NODE_ALIVE = timedelta(seconds=20)  # without a sign of life for longer, a gateway process is dead


class GatewayNode(models.Model):
    """One running gateway process.

    It writes a sign of life every few seconds; without it, the state of its stations is unknown. Signs of life are
    written and compared by the clock of the database: if the clock of one of our machines jumps, that must not make
    all stations offline.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    alive_at = models.DateTimeField(_("alive"), default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-alive_at"]
        verbose_name, verbose_name_plural = _("gateway node"), _("gateway nodes")

    def __str__(self) -> str:
        return self.name


class Presence(models.TextChoices):
    """What is known about a station's connection."""

    ONLINE = "online", _("Online")
    OFFLINE = "offline", _("Offline")
    UNKNOWN = "unknown", _("Unknown")


def _presence(path: str = "") -> Case:
    """Return the presence of a station; `path` leads to the station and ends with two underscores."""
    is_online = {f"{path}node__alive_at__gt": Now() - NODE_ALIVE}
    is_offline = {f"{path}node__isnull": True, f"{path}disconnected_at__isnull": False}
    return Case(
        When(**is_online, then=Value(Presence.ONLINE)),
        When(**is_offline, then=Value(Presence.OFFLINE)),
        default=Value(Presence.UNKNOWN),
        output_field=models.CharField(),
    )


class ChargingStationQuerySet(ScopedQuerySet):
    station_path = ""

    def in_view_of(self, user: Any) -> Self:
        """Leave out deactivated stations, as pages do unless asked otherwise."""
        rows = super().in_view_of(user)
        return (
            rows.filter(deactivated_at__isnull=True)
            if (user.is_authenticated and user.access.hides_deactivated)
            else rows
        )

    def visible_with_deactivated(self, user: Any) -> Self:
        """Return what `visible_to` returns, and deactivated stations in any case."""
        return ScopedQuerySet.in_view_of(self.reachable_by(user), user)

    def online(self) -> Self:
        return self.filter(node__alive_at__gt=Now() - NODE_ALIVE)

    def with_presence(self) -> Self:
        """Annotate `presence`: online, offline (link closed) or unknown (never connected, or the node is dead)."""
        return self.annotate(presence=_presence())


class ChargingStation(models.Model):
    """A charging station (OCPP 1.6: charge point). It connects with its identity."""

    Registration = RegistrationStatus

    class Protocol(models.TextChoices):
        OCPP_16 = "1.6", "OCPP 1.6J"

    # set by users
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, related_name="stations", null=True, blank=True, verbose_name=_("team")
    )  # without a team it is in the pool
    installation = models.ForeignKey(
        "chargers.Installation",
        on_delete=models.PROTECT,
        related_name="stations",
        null=True,
        blank=True,
        verbose_name=_("installation"),
    )
    circuit = models.ForeignKey(
        "chargers.Circuit",
        on_delete=models.PROTECT,
        related_name="stations",
        null=True,
        blank=True,
        verbose_name=_("circuit"),
    )
    deactivated_at = models.DateTimeField(_("deactivated"), null=True, blank=True, editable=False)
    # set on the row that holds the history of a station in a former team; the station itself is now another row
    handed_over_at = models.DateTimeField(_("handed over"), null=True, blank=True, editable=False)
    # its row in the team that handed it over, so that reports that it repeats from before are recognized
    predecessor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="successor"
    )
    identity = models.CharField(_("identity"), max_length=48, unique=True)
    name = models.CharField(
        _("name"), max_length=120, blank=True, help_text=_("Local name, for example a parking spot, house or row.")
    )
    hardware_model = models.ForeignKey(
        "chargers.HardwareModel",
        on_delete=models.PROTECT,
        related_name="stations",
        null=True,
        blank=True,
        verbose_name=_("hardware model"),
    )
    protocol = models.CharField(_("protocol"), max_length=8, choices=Protocol.choices, default=Protocol.OCPP_16)
    password = EncryptedField(_("password"), null=True, blank=True)
    password_hash = models.CharField(max_length=200, blank=True, editable=False)  # instead, where the team wants that
    # shorter than recommended; NULL: unknown, as for hashes stored before this was recorded
    has_weak_password = models.BooleanField(_("weak password"), null=True, blank=True, editable=False)
    # sent to the station but not confirmed yet: until then the station may sign in with either password
    next_password = EncryptedField(null=True, blank=True)
    next_password_hash = models.CharField(max_length=200, blank=True, editable=False)
    next_has_weak_password = models.BooleanField(null=True, blank=True, editable=False)
    next_password_message_id = models.CharField(
        max_length=36, blank=True, editable=False
    )  # of the message that sent it
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    registration = models.CharField(
        _("registration"), max_length=10, choices=Registration.choices, default=Registration.NEW
    )

    # reported when it booted
    vendor = models.CharField(_("vendor"), max_length=255, blank=True)
    model = models.CharField(_("model"), max_length=255, blank=True)
    serial_number = models.CharField(_("serial number"), max_length=255, blank=True)
    charge_box_serial_number = models.CharField(_("charge box serial number"), max_length=255, blank=True)
    firmware_version = models.CharField(_("firmware"), max_length=255, blank=True)
    iccid = models.CharField("ICCID", max_length=255, blank=True)
    imsi = models.CharField("IMSI", max_length=255, blank=True)
    meter_type = models.CharField(_("meter type"), max_length=255, blank=True)
    meter_serial_number = models.CharField(_("meter serial number"), max_length=255, blank=True)
    # of its own configuration, as far as it was reported
    connection_timeout_seconds = models.PositiveIntegerField(null=True, blank=True, editable=False)
    security_profile = models.PositiveSmallIntegerField(_("security profile"), null=True, blank=True)
    booted_at = models.DateTimeField(_("booted"), null=True, blank=True)
    boot_count = models.PositiveIntegerField(_("boots"), default=0)

    # the current link
    epoch = models.PositiveBigIntegerField(_("connection epoch"), default=0)
    node = models.ForeignKey(
        GatewayNode, on_delete=models.SET_NULL, null=True, blank=True, related_name="stations", verbose_name=_("node")
    )
    remote_address = models.CharField(_("address"), max_length=64, blank=True)
    connected_at = models.DateTimeField(_("connected"), null=True, blank=True)
    disconnected_at = models.DateTimeField(_("disconnected"), null=True, blank=True)
    last_heard_at = models.DateTimeField(_("last seen"), null=True, blank=True)

    # unknown cards that were presented within one minute; many of them mean that numbers are being tried
    unknown_cards = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    unknown_cards_since = models.DateTimeField(null=True, blank=True, editable=False)

    # positive when the station's clock is ahead of ours
    clock_offset_ms = models.BigIntegerField(_("clock offset (ms)"), null=True, blank=True)
    clock_measured_at = models.DateTimeField(_("clock measured"), null=True, blank=True)

    # its own status (connector 0 in OCPP 1.6)
    status = models.CharField(_("status"), max_length=20, blank=True)
    error_code = models.CharField(_("error code"), max_length=60, blank=True)
    status_changed_at = models.DateTimeField(_("status changed"), null=True, blank=True)
    as_reported = models.JSONField(
        default=dict, db_default=empty_object(), blank=True, editable=False
    )  # values of the status that OCPP does not define

    objects = ChargingStationQuerySet.as_manager()

    class Meta:
        ordering = ["identity"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(identity=""),
                name="station_identity_not_empty",
                violation_error_message=_("A station needs an identity."),
            ),
            models.CheckConstraint(
                condition=Q(password=None) | Q(password_hash=""), name="station_password_in_one_form"
            ),
            models.CheckConstraint(
                condition=Q(next_password=None, next_password_hash="")
                | (~Q(next_password_message_id="") & (Q(next_password=None) | Q(next_password_hash=""))),
                name="station_next_password_in_one_form",
            ),
            models.CheckConstraint(
                condition=Q(handed_over_at=None)
                | (~Q(deactivated_at=None) & Q(password=None, password_hash="", next_password_message_id="")),
                name="station_handed_over_never_returns",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "identity"], name="station_team_identity"),
            models.Index(Upper("identity"), name="station_identity_upper"),
        ]
        verbose_name, verbose_name_plural = _("charging station"), _("charging stations")

    def __str__(self) -> str:
        return self.identity

    def get_absolute_url(self) -> str:
        return reverse("chargers:station_detail", args=[self.pk])

    @property
    def display_name(self) -> str:
        return self.name or self.identity

    @property
    def connection_count(self) -> int:
        """The number of links so far. Handing a station over raised the epoch once more."""
        return self.epoch if self.handed_over_at is None else self.epoch - 1

    @property
    def is_served(self) -> bool:
        """Whether the station's messages are handled.

        A station of a team is served even if it has not booted here (it may have been moved by changing its URL). A
        station in the pool waits, and a rejected one is refused.
        """
        return self.team_id is not None and self.registration != self.Registration.REJECTED

    @property
    def has_password(self) -> bool:
        """Whether a password is set; without one, a station of a team cannot sign in."""
        return bool(self.password_hash) or self.password is not None

    @property
    def is_password_open(self) -> bool:
        """Whether a next password was sent and is not settled yet: the old and the new one are accepted."""
        return bool(self.next_password_message_id)


class EvseQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"


class Evse(models.Model):
    """The part of a station that serves one vehicle at a time, by one of its connectors.

    Rows exist for EVSEs with an id or with several connectors. A connector without an EVSE is its own, with its number.
    """

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="evses", verbose_name=_("station")
    )
    number = models.PositiveIntegerField(_("number"))
    evse_id = models.CharField(
        _("EVSE ID"), max_length=48, blank=True, help_text=_("For example DE*ABC*E1234 (eMI3 standard, version 1.0).")
    )
    objects = EvseQuerySet.as_manager()

    class Meta:
        ordering = ["station", "number"]
        constraints = [
            models.UniqueConstraint(fields=["station", "number"], name="evse_number_once_per_station"),
            models.UniqueConstraint(
                "evse_id",
                condition=~Q(evse_id=""),
                name="evse_id_once",
                violation_error_message=_("This EVSE ID is taken."),
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1),
                name="evse_number_from_one",
                violation_error_message=_("EVSEs are numbered from 1."),
            ),
        ]
        verbose_name, verbose_name_plural = _("EVSE"), _("EVSEs")

    def __str__(self) -> str:
        return self.evse_id or f"{self.station} · {self.number}"


class ConnectorQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"

    def in_view_of(self, user: Any) -> Self:
        rows = super().in_view_of(user)
        hides = user.is_authenticated and user.access.hides_deactivated
        return rows.filter(station__deactivated_at__isnull=True) if hides else rows

    def with_presence(self) -> Self:
        """Annotate `presence`, that of the station."""
        return self.annotate(presence=_presence("station__"))

    def visible_with_deactivated(self, user: Any) -> Self:
        """Return what `visible_to` returns, and connectors of deactivated stations in any case."""
        return ScopedQuerySet.in_view_of(self.reachable_by(user), user)


class Connector(models.Model):
    """One cable or socket. Number 0 in OCPP 1.6 means the whole station and has no row here."""

    Status = ConnectorStatus

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="connectors", verbose_name=_("station")
    )
    number = models.PositiveIntegerField(_("number"))
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, blank=True)
    error_code = models.CharField(_("error code"), max_length=60, blank=True)
    info = models.CharField(_("info"), max_length=255, blank=True)
    vendor_error_code = models.CharField(_("vendor's error code"), max_length=255, blank=True)
    status_changed_at = models.DateTimeField(_("status changed"), null=True, blank=True)
    reported_at = models.DateTimeField(_("last report"), null=True, blank=True)
    as_reported = models.JSONField(
        default=dict, db_default=empty_object(), blank=True, editable=False
    )  # values of the status that OCPP does not define
    max_power_w = models.PositiveIntegerField(
        _("rated power (W)"), null=True, blank=True, help_text=_("The maximum power that it can deliver.")
    )
    evse = models.ForeignKey(
        Evse, on_delete=models.SET_NULL, null=True, blank=True, related_name="connectors", verbose_name=_("EVSE")
    )
    standard = models.CharField(
        _("type"), max_length=30, choices=ConnectorStandard.choices, blank=True, default="", db_default=""
    )
    format = models.CharField(
        _("format"), max_length=6, choices=ConnectorFormat.choices, blank=True, default="", db_default=""
    )
    power_type = models.CharField(
        _("current"), max_length=10, choices=PowerType.choices, blank=True, default="", db_default=""
    )
    max_current_a = models.DecimalField(
        _("rated current (A)"),
        max_digits=5,
        decimal_places=1,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CONNECTOR_CURRENT_A)],
        help_text=_("Per phase, as connected to the circuit."),
    )
    phases = models.PositiveSmallIntegerField(
        _("connected phases"), choices=[(1, "1"), (2, "2"), (3, "3")], null=True, blank=True
    )
    phase_rotation = models.CharField(
        _("phase rotation"),
        max_length=3,
        choices=PhaseRotation.choices,
        blank=True,
        default="",
        db_default="",
        help_text=_("Which phases of the circuit are connected to L1, L2 and L3 of the station."),
    )
    objects = ConnectorQuerySet.as_manager()

    class Meta:
        ordering = ["station", "number"]
        constraints = [
            models.UniqueConstraint(fields=["station", "number"], name="connector_number_once_per_station"),
            models.CheckConstraint(
                condition=Q(number__gte=1),
                name="connector_number_from_one",
                violation_error_message=_("Connectors are numbered from 1."),
            ),
            models.CheckConstraint(
                condition=Q(phases=None) | Q(phases__in=[1, 2, 3]),
                name="connector_one_to_three_phases",
                violation_error_message=_("A connector has 1, 2 or 3 phases."),
            ),
        ]
        verbose_name, verbose_name_plural = _("connector"), _("connectors")

    def __str__(self) -> str:
        return f"{self.station} · {self.number}"


def has_faulted_connector() -> Exists:
    """Return the condition that a station has a faulted connector."""
    return Exists(Connector.objects.filter(station=OuterRef("pk"), status=Connector.Status.FAULTED))
