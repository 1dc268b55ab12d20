"""What a user may do during one request, and permission checks that several subjects share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Exists, Q
from django.utils.translation import gettext as _

from accounts.access.features import FEATURES_BY_KEY, missing_features
from accounts.access.models import Grant
from accounts.access.rights import (
    RANK_OF_ROLE,
    RIGHT_OF_ROLE,
    ActiveGrant,
    Can,
    Provider,
    Role,
    Scope,
    SelectedGroup,
    allows,
    rights_in,
    scope_for,
)
from cpms.common.errors import NotAllowed

if TYPE_CHECKING:
    from accounts.people.models import User
    from accounts.teams.models import Team


class Access:
    """What a person, or an application that acts for a team, may do. Built once per request, as `user.access`.

    Roles and grants are read once and cached. Code that changes them within the request must call
    `user.renew_access()`.

    Args:
        user: the person or application.
        scopes: the API scopes that the key in use is limited to; None where it is not limited.
        key: kind and prefix of the API key in use; see `Command.RequestedWith`.

    Attributes:
        only_team_id: the team that the session is limited to, because it was started on this team's own domain.
        group, provider: the group of stations and the provider that the person has selected as a filter.
        hides_deactivated: whether lists leave out deactivated stations, as pages do unless asked otherwise.
        refused_right: the right that was asked for last and that no scope of the key includes.
    """

    def __init__(self, user: User, *, scopes: Sequence[str] | None = None, key: tuple[str, str] = ("", "")) -> None:
        self.user = user
        self.scopes = scopes
        self.key = key
        self.only_team_id: int | None = None
        self.group: SelectedGroup | None = None
        self.provider: Provider | None = None
        self.hides_deactivated = False
        self.refused_right = ""

    # --- teams and roles ---------------------------------------------------------------------------------------------

    @cached_property
    def _memberships(self) -> list[tuple[int, str, list[str], bool]]:
        """Return for each team its id, the role in it, the features that are off, and whether it requires two-factor
        authentication. One query."""
        user = self.user
        if user.is_program:
            return [(user.program.team_id, Role.ADMIN, user.program.team.features_off, False)]
        columns = ("team_id", "role", "team__features_off", "team__requires_two_factor")
        return list(user.memberships.values_list(*columns))

    @property
    def _memberships_in_reach(self) -> list[tuple[int, str, list[str], bool]]:
        return [row for row in self._memberships if self.only_team_id in (None, row[0])]

    @property
    def sees_all_teams(self) -> bool:
        """Return whether this is support staff whose session is not limited to one team."""
        return self.user.is_staff and self.only_team_id is None

    @cached_property
    def roles(self) -> dict[int, str]:
        """Return the role by team id."""
        return {team_id: role for team_id, role, _off, _is_strict in self._memberships_in_reach}

    @property
    def team_ids(self) -> list[int]:
        return list(self.roles)

    @cached_property
    def own_teams(self) -> list[Team]:
        """Return the teams this person is in, by name; one query."""
        if self.user.is_program:
            return [self.user.program.team]
        teams = self.user.teams.order_by("name", "pk")
        return list(teams if self.only_team_id is None else teams.filter(pk=self.only_team_id))

    def has_role(self, team_id: int | None, role: Role) -> bool:
        """Return whether this person has at least `role` in a team, for matters of the team itself."""
        if not self.user.is_active or self.lacks_scope(RIGHT_OF_ROLE[role]):
            return False
        if self.sees_all_teams:
            return True
        own_role = self.roles.get(team_id) if team_id is not None else None
        return own_role is not None and RANK_OF_ROLE[Role(own_role)] >= RANK_OF_ROLE[role]

    # --- features and two-factor authentication ----------------------------------------------------------------------

    @cached_property
    def features_off(self) -> dict[str, str]:
        """Return the features that none of this person's teams has, each with the message for its users."""
        if self.user.is_staff:
            return {}
        return missing_features([off for _team, _role, off, _is_strict in self._memberships_in_reach])

    @property
    def api_off(self) -> list[tuple[tuple[str, ...], str]]:
        """Return prefixes of API URL names that answer with 403, each with the reason."""
        return [(FEATURES_BY_KEY[key].api, sentence) for key, sentence in self.features_off.items()]

    @property
    def is_staff_with_factor(self) -> bool:
        """Return whether this is support staff and the site requires two-factor authentication of its staff."""
        return self.user.is_staff and settings.STAFF_REQUIRES_TWO_FACTOR

    @property
    def must_have_second_factor(self) -> bool:
        """Return whether a team of this person requires two-factor authentication, or the site does of its staff."""
        return self.is_staff_with_factor or any(is_strict for _team, _role, _off, is_strict in self._memberships)

    # --- what the key in use is limited to ---------------------------------------------------------------------------

    @property
    def requests_per_minute(self) -> int | None:
        """Return the rate limit of an application; None for people, who share one setting."""
        user = self.user
        return (user.program.requests_per_minute or settings.API_PROGRAM_RATE) if user.is_program else None

    @property
    def scoped_rights(self) -> frozenset[str] | None:
        """Return the rights that the key in use is limited to; None where it is not limited."""
        key_rights = None if self.scopes is None else rights_in(self.scopes)
        if not self.user.is_program:
            return key_rights
        application_rights = rights_in(self.user.program.scopes)
        return application_rights if key_rights is None else application_rights & key_rights

    def lacks_scope(self, right: str) -> bool:
        """Return whether the key in use is limited to scopes without this right."""
        scoped = self.scoped_rights
        return scoped is not None and right not in scoped

    def why_not(self, right: str) -> str:
        """Return why the key in use does not include this right; empty if the key is not the reason."""
        if not right or not self.lacks_scope(right):
            return ""
        scope = scope_for(right)
        if not scope:
            return _("No key of a team includes this; a person must do it.")
        return _("This needs the scope “%(scope)s”, which the key does not have.") % {"scope": scope}

    # --- rights ------------------------------------------------------------------------------------------------------

    @cached_property
    def active_grants(self) -> list[ActiveGrant]:
        """Return the active grants that this person or their teams received. One query."""
        rows = Grant.objects.active().received_by(self.user)
        return [
            ActiveGrant(role, installation_id, station_id, None if to_team is None else self.roles[to_team], ends_at)
            for role, installation_id, station_id, to_team, ends_at in rows.values_list(
                "role", "installation_id", "station_id", "to_team_id", "ends_at"
            )
        ]

    @cached_property
    def foreign_tag_ids(self) -> list[int]:
        """Return the person's own tags whose sessions they could otherwise not see: tags without a team, tags of teams
        whose sessions they may not see, and all of their tags once they received access to stations of others."""
        if self.lacks_scope(Can.SEE_OWN):
            return []
        visible_teams = self.scope(Can.SEE_SESSIONS).teams
        received_access = Exists(Grant.objects.received_by(self.user))
        tags = self.user.tags.filter(Q(team=None) | ~Q(team__in=visible_teams) | received_access)
        if self.only_team_id is not None:
            tags = tags.filter(team=self.only_team_id)
        return list(tags.order_by().values_list("pk", flat=True))

    def scope(self, right: str) -> Scope:
        """Return everything for which this person has a right. Every permission check is decided here."""
        if not self.user.is_active:
            return Scope()
        if self.lacks_scope(right):
            self.refused_right = str(right)
            return Scope()
        if self.sees_all_teams:
            return Scope(is_everything=True)
        grants = [grant for grant in self.active_grants if grant.allows(right)]
        return Scope(
            teams=tuple(team_id for team_id, role in self.roles.items() if allows(role, right)),
            installations=tuple({grant.installation_id for grant in grants if grant.installation_id is not None}),
            stations=tuple({grant.station_id for grant in grants if grant.station_id is not None}),
        )

    def may(self, right: str, place: Any) -> bool:
        """Return whether this person has a right for a station, for an installation, or for everything of a team."""
        kind = place._meta.model_name
        return self.scope(right).includes(
            team_id=place.pk if kind == "team" else place.team_id,
            installation_id=place.pk if kind == "installation" else getattr(place, "installation_id", None),
            station_id=place.pk if kind == "chargingstation" else None,
        )

    # --- what the person has selected as a filter --------------------------------------------------------------------

    def in_view(self, team_path: str, station_path: str | None) -> Q:
        """Return the condition for rows of the selected provider and group. Rows without a station belong to no group
        and are included.

        Args:
            team_path, station_path: as in `Scope.condition`.
        """
        condition = Q() if self.provider is None else Q(**{team_path: self.provider.pk})
        if self.group is None or station_path is None:
            return condition
        return condition & self.group.condition(station_path)

    def shown(self, right: str, team_path: str, station_path: str) -> Q:
        """Return the condition for rows that this person has a right for and that match the selected filter."""
        scope = self.scope(right)
        condition = Q() if scope.is_everything else scope.condition(team_path, station_path)
        return condition & self.in_view(team_path, station_path)


def require_team_admin(actor: User | None, team: Team) -> None:
    """Check that a user may change a team's settings. Without an actor (command line) everything is allowed.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
    """
    if actor is not None and not actor.access.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team may change its settings."))
