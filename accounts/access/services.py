"""What one person may do during one request, and the checks of it that several subjects need."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Exists, Q
from django.utils.translation import gettext as _

from accounts.access.features import BY_KEY, missing_in
from accounts.access.models import Grant
from accounts.access.rights import (
    RANK_OF_ROLE,
    RIGHT_OF_ROLE,
    Can,
    Chosen,
    Held,
    Provider,
    Role,
    Scope,
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

    It reads roles and grants once and keeps them; whoever changes them in the same request asks for a new one with
    `user.renew_access()`.

    Args:
        user: who is asking.
        scopes: the API scopes that the key in use is limited to; None where it is not limited.
        key: kind and prefix of the API key in use; see `Command.RequestedWith`.

    Attributes:
        only_team_id: the team that a session is limited to which was begun on this team's own domain.
        group, provider: the group of stations and the provider that the person has chosen to look at.
        hides_deactivated: whether lists leave out deactivated stations, as pages do unless asked otherwise.
        refused_right: the right that was asked for last and that no scope of the key includes.
    """

    def __init__(self, user: User, *, scopes: Sequence[str] | None = None, key: tuple[str, str] = ("", "")) -> None:
        self.user = user
        self.scopes = scopes
        self.key = key
        self.only_team_id: int | None = None
        self.group: Chosen | None = None
        self.provider: Provider | None = None
        self.hides_deactivated = False
        self.refused_right = ""

    # --- teams and roles ---------------------------------------------------------------------------------------------

    @cached_property
    def _memberships(self) -> list[tuple[int, str, list[str], bool]]:
        """Return of each team its id, the role in it, the features it lacks, and whether it requires two-factor
        authentication; one query."""
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
        """Return whether this person may act as `role` in what is the team's own business."""
        if not self.user.is_active or self.lacks_scope(RIGHT_OF_ROLE[role]):
            return False
        if self.sees_all_teams:
            return True
        held = self.roles.get(team_id) if team_id is not None else None
        return held is not None and RANK_OF_ROLE[Role(held)] >= RANK_OF_ROLE[role]

    # --- features and two-factor authentication ----------------------------------------------------------------------

    @cached_property
    def features_off(self) -> dict[str, str]:
        """Return the features that none of this person's teams has, each with the sentence that says so."""
        if self.user.is_staff:
            return {}
        return missing_in([off for _team, _role, off, _is_strict in self._memberships_in_reach])

    @property
    def api_off(self) -> list[tuple[tuple[str, ...], str]]:
        """Return beginnings of names of API routes that refuse, each with the reason."""
        return [(BY_KEY[key].api, sentence) for key, sentence in self.features_off.items()]

    @property
    def is_staff_with_factor(self) -> bool:
        """Return whether this is support staff, and this site requires two-factor authentication of them."""
        return self.user.is_staff and settings.STAFF_REQUIRES_TWO_FACTOR

    @property
    def must_have_second_factor(self) -> bool:
        """Return whether a team of this person requires two-factor authentication, or the site does of its staff."""
        return self.is_staff_with_factor or any(is_strict for _team, _role, _off, is_strict in self._memberships)

    # --- what the key in use is limited to ---------------------------------------------------------------------------

    @property
    def requests_per_minute(self) -> int | None:
        """Return the API rate of an application; None for people, who share one setting."""
        user = self.user
        return (user.program.requests_per_minute or settings.API_PROGRAM_RATE) if user.is_program else None

    @property
    def scoped_rights(self) -> frozenset[str] | None:
        """Return the rights that the key in use is limited to; None where it is not limited."""
        of_key = None if self.scopes is None else rights_in(self.scopes)
        if not self.user.is_program:
            return of_key
        of_application = rights_in(self.user.program.scopes)
        return of_application if of_key is None else of_application & of_key

    def lacks_scope(self, right: str) -> bool:
        """Return whether the key in use is limited to scopes without this right."""
        scoped = self.scoped_rights
        return scoped is not None and right not in scoped

    def why_not(self, right: str) -> str:
        """Return why the key in use does not include this right; empty where that is not the reason."""
        if not right or not self.lacks_scope(right):
            return ""
        scope = scope_for(right)
        if not scope:
            return _("No key of a team includes this; a person must do it.")
        return _("This needs the scope “%(scope)s”, which the key does not have.") % {"scope": scope}

    # --- rights ------------------------------------------------------------------------------------------------------

    @cached_property
    def grants_held(self) -> list[Held]:
        """Return the active grants to this person or to their teams; one query."""
        rows = Grant.objects.active().held_by(self.user)
        return [
            Held(role, installation_id, station_id, None if to_team is None else self.roles[to_team], ends_at)
            for role, installation_id, station_id, to_team, ends_at in rows.values_list(
                "role", "installation_id", "station_id", "to_team_id", "ends_at"
            )
        ]

    @cached_property
    def foreign_tag_ids(self) -> list[int]:
        """Return the person's own tags that charge where they may not see the sessions: tags of no team, of teams whose
        sessions they may not see, and any of them once they were given access to stations of others."""
        if self.lacks_scope(Can.SEE_OWN):
            return []
        seen = self.scope(Can.SEE_SESSIONS).teams
        was_given_access = Exists(Grant.objects.held_by(self.user))
        tags = self.user.tags.filter(Q(team=None) | ~Q(team__in=seen) | was_given_access)
        if self.only_team_id is not None:
            tags = tags.filter(team=self.only_team_id)
        return list(tags.order_by().values_list("pk", flat=True))

    def scope(self, right: str) -> Scope:
        """Return everything this person may do one thing with: the one place where that is decided."""
        if not self.user.is_active:
            return Scope()
        if self.lacks_scope(right):
            self.refused_right = str(right)
            return Scope()
        if self.sees_all_teams:
            return Scope(is_everything=True)
        grants = [held for held in self.grants_held if held.allows(right)]
        return Scope(
            teams=tuple(team_id for team_id, role in self.roles.items() if allows(role, right)),
            installations=tuple({held.installation_id for held in grants if held.installation_id is not None}),
            stations=tuple({held.station_id for held in grants if held.station_id is not None}),
        )

    def may(self, right: str, place: Any) -> bool:
        """Return whether this person may do one thing with a station, an installation, or everything of a team."""
        kind = place._meta.model_name
        return self.scope(right).includes(
            team_id=place.pk if kind == "team" else place.team_id,
            installation_id=place.pk if kind == "installation" else getattr(place, "installation_id", None),
            station_id=place.pk if kind == "chargingstation" else None,
        )

    # --- what the person has chosen to look at -----------------------------------------------------------------------

    def in_view(self, team_path: str, station_path: str | None) -> Q:
        """Return the condition for rows of the chosen provider and group; rows without a station belong to no group and
        stay.

        Args:
            team_path, station_path: as in `Scope.condition`.
        """
        found = Q() if self.provider is None else Q(**{team_path: self.provider.pk})
        if self.group is None or station_path is None:
            return found
        return found & self.group.condition(station_path)

    def shown(self, right: str, team_path: str, station_path: str) -> Q:
        """Return the condition for rows with which this person may do one thing and that they have chosen to see."""
        scope = self.scope(right)
        found = Q() if scope.is_everything else scope.condition(team_path, station_path)
        return found & self.in_view(team_path, station_path)


def demand_team(actor: User | None, team: Team) -> None:
    """Check that somebody may change a team's settings.

    Raises:
        NotAllowed: they are no administrator of the team.
    """
    if actor is not None and not actor.access.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team may change its settings."))
