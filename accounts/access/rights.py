"""Which role includes which right. Portal, API, sockets, admin checks and the permissions page all use this one table.

A team owns installations and stations, and its members have a role in it. An installation or a single station can be
granted to another team or to a person. A grant to a team gives each member only the rights that both the granted role
and their own role in that team include.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The role of a member in a team. Each role includes the rights of the ones below it."""

    ADMIN = "admin", _("Administrator")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")


class GrantRole(models.TextChoices):
    """The role that somebody outside the team has at a place they were granted access to."""

    OWNER = "owner", _("Owner")
    SERVICE = "service", _("Service")
    USER = "user", _("User")


class Can(models.TextChoices):
    SEE_STATIONS = "see_stations", _("View stations, connectors and their status")
    SEE_SESSIONS = "see_sessions", _("View all sessions, who charged, and statistics")
    SEE_OWN = "see_own", _("View own sessions and where to charge")
    SEE_MESSAGES = "see_messages", _("View messages, protocol violations and security events")
    CHARGE = "charge", _("Charge with a tag")
    OPERATE = "operate", _("Start and stop sessions, unlock, reset, switch on and off")
    NAME = "name", _("Rename stations")
    CONFIGURE = "configure", _("Edit technical settings of stations")
    SET_PASSWORDS = "set_passwords", _("Set station passwords")
    ADD_STATIONS = "add_stations", _("Add stations")
    ADD_PLACES = "add_places", _("Add installations")
    MANAGE_PLACES = "manage_places", _("Edit the name, address and contact of installations")
    CONFIGURE_PLACES = "configure_places", _("Edit circuits of installations")
    MANAGE_ACCESS = "manage_access", _("Grant and revoke access")
    MANAGE_TEAM = "manage_team", _("Manage the team, its members and its keys")


COLUMNS: tuple[str, ...] = (Role.VIEWER, Role.OPERATOR, Role.ADMIN, GrantRole.OWNER, GrantRole.USER, GrantRole.SERVICE)
_YES = "x"
_TABLE = {
    #                      viewer operator admin  owner user service
    Can.SEE_STATIONS: "     x      x        x      x     .    x",
    Can.SEE_SESSIONS: "     x      x        x      x     .    .",
    Can.SEE_OWN: "          x      x        x      x     x    x",
    Can.SEE_MESSAGES: "     x      x        x      x     .    x",
    Can.CHARGE: "           x      x        x      x     x    .",
    Can.OPERATE: "          .      x        x      x     .    x",
    Can.NAME: "             .      x        x      x     .    x",
    Can.CONFIGURE: "        .      x        x      .     .    x",
    Can.SET_PASSWORDS: "    .      .        x      .     .    x",
    Can.ADD_STATIONS: "     .      .        x      .     .    x",
    Can.ADD_PLACES: "       .      .        x      .     .    x",
    Can.MANAGE_PLACES: "    .      .        x      x     .    .",
    Can.CONFIGURE_PLACES: " .      .        x      .     .    x",
    Can.MANAGE_ACCESS: "    .      .        x      x     .    .",
    Can.MANAGE_TEAM: "      .      .        x      .     .    .",
}
ALLOWED: dict[str, frozenset[str]] = {
    right: frozenset(column for column, mark in zip(COLUMNS, marks.split(), strict=True) if mark == _YES)
    for right, marks in _TABLE.items()
}


RIGHT_OF_ROLE = {Role.VIEWER: Can.SEE_STATIONS, Role.OPERATOR: Can.OPERATE, Role.ADMIN: Can.MANAGE_TEAM}
RANK_OF_ROLE = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


class GivenBy(models.TextChoices):
    """On whose behalf a grant was given."""

    TEAM = "team", _("the team")
    OWNER = "owner", _("an owner")


class Revoker(models.TextChoices):
    """Who may be allowed to revoke a grant."""

    ADMIN = "admin", _("Administrator of the team")
    GIVER = "giver", _("Owner who granted it")
    OWNER = "owner", _("Other owner")
    HOLDER = "holder", _("Holder")


_REVOCATION_TABLE = {
    #                                          admin giver owner holder
    (GrantRole.OWNER, GivenBy.TEAM): "           x     .     .     x",
    (GrantRole.SERVICE, GivenBy.TEAM): "         x     .     .     x",
    (GrantRole.USER, GivenBy.TEAM): "            x     x     x     x",
    (GrantRole.OWNER, GivenBy.OWNER): "          x     x     .     x",
    (GrantRole.SERVICE, GivenBy.OWNER): "        x     x     .     x",
    (GrantRole.USER, GivenBy.OWNER): "           x     x     x     x",
}
REVOCABLE_BY: dict[tuple[str, str], frozenset[str]] = {
    kind: frozenset(column for column, mark in zip(Revoker.values, marks.split(), strict=True) if mark == _YES)
    for kind, marks in _REVOCATION_TABLE.items()
}


def revocation_rules() -> list[dict[str, Any]]:
    """Return the table of who may revoke whose access, for the permissions page."""
    return [
        {
            "role": GrantRole(role),
            "given_by": GivenBy(given_by),
            "marks": [revoker in allowed for revoker in Revoker.values],
        }
        for (role, given_by), allowed in REVOCABLE_BY.items()
    ]


def allows(role: str, right: str) -> bool:
    """Return whether a role, in a team or by a grant, includes a right."""
    return role in ALLOWED[right]


@dataclass(frozen=True, slots=True)
class ActiveGrant:
    """An active grant that a person received. `team_role` is their role in the team that received it, else None."""

    role: str
    installation_id: int | None
    station_id: int | None
    team_role: str | None
    ends_at: datetime | None = None

    def allows(self, right: str) -> bool:
        return allows(self.role, right) and (self.team_role is None or allows(self.team_role, right))


@dataclass(frozen=True, slots=True)
class SelectedGroup:
    """The group of stations that a user has selected: lists and statistics are limited to it.

    Attributes:
        stations: their primary keys, or a query for them where there are many.
    """

    pk: int
    name: str
    stations: Any

    def condition(self, station_path: str) -> Q:
        return _at_stations(station_path, self.stations)


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider (team) that a user of several teams has selected: lists and statistics are limited to it."""

    pk: int
    name: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything for which a user has one right: whole teams, installations and single stations."""

    is_everything: bool = False
    teams: tuple[int, ...] = ()
    installations: tuple[int, ...] = ()
    stations: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return self.is_everything or bool(self.teams or self.installations or self.stations)

    def includes(self, *, team_id: int | None, installation_id: int | None, station_id: int | None) -> bool:
        return (
            self.is_everything
            or team_id in self.teams
            or (installation_id is not None and installation_id in self.installations)
            or (station_id is not None and station_id in self.stations)
        )

    def condition(self, team_path: str, station_path: str | None) -> Q:
        """Return the condition for the rows of a query that are in this scope.

        Args:
            team_path: the lookup from a row to its team.
            station_path: the lookup from a row to its station, "" where the row is a station, None where rows have no
                station.
        """
        condition = Q(**{f"{team_path}__in": self.teams}) if self.teams else Q(pk__in=[])
        if station_path is None:
            return condition
        prefix = f"{station_path}__" if station_path else ""
        if self.installations:
            condition |= Q(**{f"{prefix}installation__in": self.installations})
        if self.stations:
            condition |= _at_stations(station_path, self.stations)
        return condition


def _at_stations(station_path: str, stations: Any) -> Q:
    is_listed = isinstance(stations, list | tuple)
    return Q(**{f"{station_path or 'pk'}__{'among' if is_listed else 'in'}": stations})


def rights_of(role: str) -> list[str]:
    """Return all rights that a role includes."""
    return [right for right, roles in ALLOWED.items() if role in roles]


def role_labels() -> list[Any]:
    """Return the labels of the columns of the rights table."""
    return [(Role if column in Role.values else GrantRole)(column).label for column in COLUMNS]


def table() -> list[dict[str, Any]]:
    """Return the rights table for the permissions page: each right with a yes or no per role."""
    return [{"right": Can(right), "marks": [column in ALLOWED[right] for column in COLUMNS]} for right in Can.values]


class KeyKind(models.TextChoices):
    """The kind of key that an API request was made with."""

    TOKEN = "token", _("API token of a person")
    KEY = "key", _("Key of an application")
    ACCESS_TOKEN = "access_token", _("OAuth 2 access token of an application")


class ApiScope(models.TextChoices):
    """What a key of an application can be limited to. The values are OAuth 2 scopes (RFC 6749 section 3.3)."""

    STATIONS_READ = "stations:read", _("Read stations, connectors, installations and tags")
    SESSIONS_READ = "sessions:read", _("Read sessions, meter readings and who charged")
    MESSAGES_READ = "messages:read", _("Read messages, commands, protocol violations and security events")
    OPERATE = "operate", _("Send commands to stations, edit tags, acknowledge alerts")
    CONFIGURE = "configure", _("Edit technical settings and passwords of stations, and installations")
    ACCESS = "access", _("View, grant and revoke access, within the limits of the key's other scopes")


SCOPE_RIGHTS: dict[str, frozenset[str]] = {
    ApiScope.STATIONS_READ: frozenset({Can.SEE_STATIONS}),
    ApiScope.SESSIONS_READ: frozenset({Can.SEE_SESSIONS, Can.SEE_OWN}),
    ApiScope.MESSAGES_READ: frozenset({Can.SEE_MESSAGES}),
    ApiScope.OPERATE: frozenset({Can.SEE_STATIONS, Can.OPERATE, Can.CHARGE, Can.NAME}),
    ApiScope.CONFIGURE: frozenset(
        {
            Can.SEE_STATIONS,
            Can.OPERATE,
            Can.NAME,
            Can.CONFIGURE,
            Can.SET_PASSWORDS,
            Can.ADD_STATIONS,
            Can.ADD_PLACES,
            Can.MANAGE_PLACES,
            Can.CONFIGURE_PLACES,
        }
    ),
    ApiScope.ACCESS: frozenset({Can.SEE_STATIONS, Can.MANAGE_ACCESS}),
}  # no scope includes MANAGE_TEAM: only people manage members and keys


def rights_in(scopes: Iterable[str]) -> frozenset[str]:
    """Return all rights that the scopes include. Unknown scopes are ignored."""
    return frozenset().union(*(SCOPE_RIGHTS.get(scope, frozenset()) for scope in scopes))


def scope_for(right: str) -> str:
    """Return the narrowest scope that includes a right, or an empty string if none does."""
    including = [scope for scope, rights in SCOPE_RIGHTS.items() if right in rights]
    return min(including, key=lambda scope: len(SCOPE_RIGHTS[scope]), default="")
