"""Installations and their circuits."""

from __future__ import annotations

import zoneinfo
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Scope
from accounts.models import Team
from chargers.stations.models import ChargingStation
from cpms.common.models import ScopedQuerySet

MIN_FUSE_A, MAX_FUSE_A, FUSE_STEP_A = 1, 6000, Decimal("0.1")
MIN_VOLTAGE_V, MAX_VOLTAGE_V = 100, 1000


def check_time_zone(name: str) -> None:
    """Raise an error unless this is the name of a time zone, for example Europe/Berlin."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("Unknown time zone. Use a name like Europe/Berlin."))


class InstallationQuerySet(ScopedQuerySet):
    def within(self, scope: Scope) -> Self:
        """Return the installations that the scope includes as a whole."""
        return self if scope.is_everything else self.filter(Q(team__in=scope.teams) | Q(pk__in=scope.installations))

    def allowed(self, user: Any, right: str) -> Self:
        """Return the installations of which the user has this right, or has it for one of their stations."""
        if not user.is_authenticated:
            return self.none()
        scope = user.access.scope(right)
        if scope.is_everything:
            return self.all()
        found = Q(team__in=scope.teams) | Q(pk__in=scope.installations)
        if scope.stations:
            found |= _with_one_of(ChargingStation.objects.filter(pk__among=scope.stations))
        return self.filter(found)

    def in_view_of(self, user: Any) -> Self:
        """Return the installations of the chosen provider that have a station of the chosen group."""
        rows = self.filter(user.access.in_view("team", None))
        if user.access.group is None:
            return rows
        return rows.filter(_with_one_of(ChargingStation.objects.filter(user.access.group.condition(""))))


def _with_one_of(stations: Any) -> Q:
    """Return the condition that an installation has one of these stations, as one subquery for all installations."""
    return Q(pk__in=stations.order_by().values("installation"))


class Installation(models.Model):
    """A place with stations behind one grid connection."""

    class Category(models.TextChoices):
        """What the place is, for people who look for it; it has no effect on charging."""

        HOUSING = "housing", _("Apartment building")
        HOME = "home", _("Private home")
        WORKPLACE = "workplace", _("Workplace")
        DEPOT = "depot", _("Vehicle depot")
        PUBLIC = "public", _("Public charging")
        CUSTOMERS = "customers", _("Shop, hotel or restaurant")
        OTHER = "other", _("Other")

    class Parking(models.TextChoices):
        """Where the vehicles stand (OCPI 2.2.1 section 8.4.18, ParkingType)."""

        ALONG_MOTORWAY = "ALONG_MOTORWAY", _("Along a motorway")
        PARKING_GARAGE = "PARKING_GARAGE", _("Multi-storey car park")
        PARKING_LOT = "PARKING_LOT", _("Car park")
        ON_DRIVEWAY = "ON_DRIVEWAY", _("Driveway")
        ON_STREET = "ON_STREET", _("On the street")
        UNDERGROUND_GARAGE = "UNDERGROUND_GARAGE", _("Underground car park")

    class GridType(models.TextChoices):
        """How the supply is earthed (IEC 60364-1 section 312.2). It decides between which conductors a car charges."""

        TN = "TN", _("TN (between line and neutral)")
        TT = "TT", _("TT (between line and neutral)")
        IT = "IT", _("IT (between two lines)")

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="installations", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=120)
    category = models.CharField(
        _("category"), max_length=10, choices=Category.choices, blank=True, default="", db_default=""
    )
    parking = models.CharField(
        _("installation type"), max_length=20, choices=Parking.choices, blank=True, default="", db_default=""
    )
    street = models.CharField(_("street and number"), max_length=200, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=120, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("Two letters (ISO 3166-1)."))
    latitude = models.DecimalField(
        _("latitude"),
        max_digits=8,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
        help_text=_("In degrees, for example 53.551086. South is negative."),
    )
    longitude = models.DecimalField(
        _("longitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
        help_text=_("In degrees, for example 9.993682. West is negative."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        validators=[check_time_zone],
        help_text=_("For example Europe/Berlin."),
    )
    grid_type = models.CharField(
        _("electrical grid type"), max_length=2, choices=GridType.choices, default=GridType.TN, db_default="TN"
    )
    phases = models.PositiveSmallIntegerField(_("phases"), choices=[(1, "1"), (3, "3")], default=3, db_default=3)
    voltage_v = models.PositiveSmallIntegerField(
        _("voltage (V)"),
        default=230,
        db_default=230,
        validators=[MinValueValidator(MIN_VOLTAGE_V), MaxValueValidator(MAX_VOLTAGE_V)],
        help_text=_("Between line and neutral (TN and TT) or between two lines (IT)."),
    )
    main_breaker_a = models.DecimalField(
        _("main breaker (A)"),
        max_digits=5,
        decimal_places=1,
        null=True,
        blank=True,
        validators=[MinValueValidator(MIN_FUSE_A), MaxValueValidator(MAX_FUSE_A)],
        help_text=_(
            "What all stations together may draw, per phase. It may be lower than the breaker that is built in."
        ),
    )
    contact_name = models.CharField(_("contact"), max_length=160, blank=True)
    contact_phone = models.CharField(_("contact's phone"), max_length=40, blank=True)
    hotline = models.CharField(
        _("hotline for drivers"),
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text=_("Shown to everybody who charges."),
    )
    emergency_contact = models.CharField(
        _("emergency contact"),
        max_length=160,
        blank=True,
        default="",
        db_default="",
        help_text=_("Name and phone number of a person who can switch off the power."),
    )
    opening_hours = models.CharField(
        _("opening hours"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("For example Mon to Fri, 7:00 to 19:00."),
    )
    access_notes = models.TextField(
        _("how to get there"),
        max_length=1000,
        blank=True,
        default="",
        db_default="",
        help_text=_("For example which gate, which level, where the key is."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = InstallationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                "team",
                Upper("name"),
                name="installation_name_once_per_team",
                violation_error_message=_("The team already has an installation with this name."),
            ),
            models.CheckConstraint(
                condition=~Q(name=""),
                name="installation_name_not_empty",
                violation_error_message=_("An installation needs a name."),
            ),
            models.CheckConstraint(
                condition=Q(grid_type__in=["TN", "TT", "IT"]),
                name="installation_grid_type_known",
                violation_error_message=_("The grid type must be TN, TT or IT."),
            ),
            models.CheckConstraint(
                condition=Q(phases__in=[1, 3]),
                name="installation_one_or_three_phases",
                violation_error_message=_("A grid connection has 1 or 3 phases."),
            ),
            models.CheckConstraint(
                condition=Q(latitude=None, longitude=None) | Q(latitude__isnull=False, longitude__isnull=False),
                name="installation_position_whole",
                violation_error_message=_("A position needs latitude and longitude."),
            ),
        ]
        verbose_name, verbose_name_plural = _("installation"), _("installations")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("places:installation_detail", args=[self.pk])

    @property
    def zone(self) -> tzinfo:
        """The time zone in which days begin and money is counted here."""
        try:
            return zoneinfo.ZoneInfo(self.time_zone or settings.DISPLAY_TIME_ZONE)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):  # renamed in a newer time zone database
            return zoneinfo.ZoneInfo(settings.DISPLAY_TIME_ZONE)

    @property
    def city_line(self) -> str:
        return f"{self.postal_code} {self.city}".strip()


class CircuitQuerySet(ScopedQuerySet):
    team_path = "installation__team"

    def allowed(self, user: Any, right: str) -> Self:
        if not user.is_authenticated:
            return self.none()
        return self.filter(installation__in=Installation.objects.allowed(user, right))

    def in_view_of(self, user: Any) -> Self:
        if user.access.group is None and user.access.provider is None:
            return self
        return self.filter(installation__in=Installation.objects.in_view_of(user))


class Circuit(models.Model):
    """A fused part of an installation's wiring. The circuits form trees; the main breaker feeds those without parent.

    A deactivated circuit stays in the history, and carries neither stations nor other circuits.
    """

    installation = models.ForeignKey(
        Installation, on_delete=models.CASCADE, related_name="circuits", verbose_name=_("installation")
    )
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("fed by")
    )
    name = models.CharField(_("name"), max_length=120)
    max_current_a = models.DecimalField(
        _("fuse (A)"),
        max_digits=5,
        decimal_places=1,
        validators=[MinValueValidator(MIN_FUSE_A), MaxValueValidator(MAX_FUSE_A)],
        help_text=_("Per phase, from 1 to 6,000 A in steps of 0.1 A."),
    )
    phases = models.PositiveSmallIntegerField(_("phases"), choices=[(1, "1"), (3, "3")], default=3)
    deactivated_at = models.DateTimeField(_("deactivated"), null=True, blank=True, editable=False)
    objects = CircuitQuerySet.as_manager()

    class Meta:
        ordering = ["installation", "name"]
        constraints = [
            models.UniqueConstraint(fields=["installation", "name"], name="circuit_name_once_per_installation"),
            models.CheckConstraint(
                condition=Q(max_current_a__gte=1),
                name="circuit_fuse_from_one",
                violation_error_message=_("The fuse rating must be 1 to 6,000 A."),
            ),
            models.CheckConstraint(
                condition=Q(phases__in=[1, 3]),
                name="circuit_one_or_three_phases",
                violation_error_message=_("A circuit has 1 or 3 phases."),
            ),
            models.CheckConstraint(
                condition=~Q(parent=F("pk")),
                name="circuit_not_fed_by_itself",
                violation_error_message=_("A circuit cannot be fed by a circuit that it feeds."),
            ),
        ]
        verbose_name, verbose_name_plural = _("circuit"), _("circuits")

    def __str__(self) -> str:
        return f"{self.installation} · {self.name}"
