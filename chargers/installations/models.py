"""Installations and their circuits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self

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

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="installations", verbose_name=_("team"))
    name = models.CharField(_("name"), max_length=120)
    street = models.CharField(_("street and number"), max_length=200, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=120, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("Two letters (ISO 3166-1)."))
    contact_name = models.CharField(_("contact"), max_length=160, blank=True)
    contact_phone = models.CharField(_("contact's phone"), max_length=40, blank=True)
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
        ]
        verbose_name, verbose_name_plural = _("installation"), _("installations")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("places:installation_detail", args=[self.pk])

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
    """A fused part of an installation's wiring. The circuits form a tree with the grid connection as its root."""

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
