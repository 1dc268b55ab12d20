"""Grants: access to stations that a team gives to people and teams outside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can, GivenBy, GrantRole, Scope
from cpms.common.models import ScopedQuerySet

if TYPE_CHECKING:
    from accounts.people.models import User
    from accounts.teams.models import Team


class GrantQuerySet(ScopedQuerySet):
    right = Can.MANAGE_ACCESS

    def allowed(self, user: Any, right: str) -> Self:
        """Return the grants on places where the user has a right."""
        if not user.is_authenticated:
            return self.none()
        scope = user.access.scope(right)
        return self if scope.is_everything else self.filter(self._on(scope))

    def reachable_by(self, user: Any) -> Self:
        """Return the grants that the user may manage, and those that they or their teams received."""
        if not user.is_authenticated:
            return self.none()
        scope = user.access.scope(Can.MANAGE_ACCESS)
        return self if scope.is_everything else self.filter(self._on(scope) | self._to(user))

    def received_by(self, user: User) -> Self:
        """Return the grants that the user or one of their teams received, whether or not they are still active."""
        return self.filter(self._to(user))

    @staticmethod
    def _on(scope: Scope) -> Q:
        return (
            Q(team__in=scope.teams)
            | Q(installation__in=scope.installations)
            | Q(station__in=scope.stations)
            | Q(station__installation__in=scope.installations)
        )

    @staticmethod
    def _to(user: User) -> Q:
        own = Q(user=user) if user.access.only_team_id is None else Q(user=user, team=user.access.only_team_id)
        return own | Q(to_team__in=user.access.team_ids)

    def active(self) -> Self:
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now()), withdrawn_at__isnull=True)


class Grant(models.Model):
    """Access to an installation or a station that a team gives to another team or to a user, optionally until a date.

    A grant that was withdrawn or has ended stays as a record of who had access when.
    """

    team = models.ForeignKey(
        "accounts.Team", on_delete=models.CASCADE, related_name="grants_given", verbose_name=_("team")
    )  # whose installation or station it is
    installation = models.ForeignKey(
        "chargers.Installation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("installation"),
    )
    station = models.ForeignKey(
        "chargers.ChargingStation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("station"),
    )
    role = models.CharField(_("role"), max_length=10, choices=GrantRole.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("person"),
    )
    to_team = models.ForeignKey(
        "accounts.Team",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants_held",
        verbose_name=_("to team"),
    )
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    created_at = models.DateTimeField(_("granted"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("granted by"),
    )
    given_by = models.CharField(
        max_length=5, choices=GivenBy.choices, default=GivenBy.TEAM, db_default=GivenBy.TEAM, editable=False
    )
    withdrawn_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(installation__isnull=True) ^ Q(station__isnull=True),
                name="grant_on_one_thing",
                violation_error_message=_("Choose one installation or one station."),
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(to_team__isnull=True),
                name="grant_to_one",
                violation_error_message=_("Choose one person or one team."),
            ),
            models.CheckConstraint(
                condition=Q(role__in=GrantRole.values),
                name="grant_role_known",
                violation_error_message=_("Choose a role."),
            ),
            models.UniqueConstraint(
                *(Coalesce(name, 0) for name in ("installation", "station", "user", "to_team")),
                "role",
                condition=Q(withdrawn_at__isnull=True),
                name="grant_given_once",
                violation_error_message=_("This access has already been granted."),
            ),
        ]
        verbose_name, verbose_name_plural = _("grant"), _("grants")

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {self.installation or self.station} · {self.user or self.to_team}"

    @property
    def is_active(self) -> bool:
        return self.withdrawn_at is None and not self.has_ended

    @property
    def has_ended(self) -> bool:
        return self.ends_at is not None and self.ends_at <= timezone.now()

    @property
    def place(self) -> Any:
        """Return the installation or the station that the grant is for."""
        return self.installation or self.station

    @property
    def holder(self) -> User | Team:
        return self.user or self.to_team  # type: ignore[return-value]
