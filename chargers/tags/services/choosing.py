"""Find stations, installations and groups for the scope of a tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Membership, Team, User
from chargers.groups.models import StationGroup
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from chargers.stations.services.finding import contains_words, search_stations
from chargers.tags.models import Tag
from chargers.tags.services import editing
from chargers.tags.services.scope import SELECTABLE, selectable_groups
from cpms.common.text.typed import whole_number

KINDS = {"installation": "installations", "group": "groups", "station": "stations"}
MAX_FOUND = {"installation": 8, "group": 8, "station": 20}


class Place(NamedTuple):
    """A station, installation or group that a scope can select.

    Attributes:
        key: its kind and primary key, such as `station:12`.
    """

    key: str
    kind: str
    label: str
    note: str


def find_places(*, team: Team, user: User, text: str, without: Sequence[str]) -> list[Place]:
    """Return the first installations, groups and stations of a team that match a text."""
    chosen = _keys_by_kind(without)
    installations = Installation.objects.reachable_by(user).filter(contains_words(text, "name", "city"), team=team)
    groups = selectable_groups(team).filter(contains_words(text, "name", "user__email", "user__last_name"))
    stations = search_stations(ChargingStation.objects.reachable_by(user).filter(team=team), text)
    found: list[Place] = []
    rows: QuerySet[Any]
    for kind, rows in (("installation", installations), ("group", groups), ("station", stations)):
        left = rows.exclude(pk__in=chosen[kind])
        found += [_place(kind, row) for row in _shown(kind, left)[: MAX_FOUND[kind]]]
    return found


def places_of(tag: Tag, user: User) -> list[Place]:
    """Return what the scope of a tag selects, as far as the user may see it."""
    selected: dict[str, QuerySet[Any]] = {
        "installation": Installation.objects.reachable_by(user).filter(scoped_tags=tag),
        "group": tag.groups.all(),
        "station": ChargingStation.objects.reachable_by(user).filter(scoped_tags=tag),
    }
    return [_place(kind, row) for kind, rows in selected.items() for row in _shown(kind, rows)]


def places_with_keys(keys: Sequence[str], user: User) -> list[Place]:
    """Return the chosen places that the user may see."""
    chosen = chosen_places(keys, user)
    return [_place(kind, row) for kind, name in KINDS.items() for row in chosen[name]]


def chosen_places(keys: Iterable[str], user: User) -> dict[str, list[Any]]:
    """Return the stations, installations and groups with these keys, by the names of the fields of a tag's scope.

    Those that do not exist or that the user may not see are left out.
    """
    wanted = _keys_by_kind(keys)
    teams = editing.teams_operated_by(user)
    rows: dict[str, QuerySet[Any]] = {
        "station": ChargingStation.objects.reachable_by(user),
        "installation": Installation.objects.reachable_by(user),
        "group": StationGroup.objects.filter(Exists(Membership.objects.filter(user=OuterRef("user"), team__in=teams))),
    }
    found = {
        KINDS[kind]: list(_shown(kind, rows[kind].filter(pk__in=keys))) if keys else [] for kind, keys in wanted.items()
    }
    return {name: found[name] for name in SELECTABLE}


def _keys_by_kind(keys: Iterable[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for key in keys:
        kind, _colon, number = key.partition(":")
        if kind in found and (pk := whole_number(number)) is not None:
            found[kind].append(pk)
    return found


def _shown(kind: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    if kind == "station":
        return (
            rows.select_related("installation")
            .only("identity", "name", "team", "installation__name")
            .order_by("identity")
        )
    return rows.select_related("user").order_by("name", "pk") if kind == "group" else rows.order_by("name", "pk")


def _place(kind: str, row: Any) -> Place:
    key = f"{kind}:{row.pk}"
    if kind == "station":
        return Place(key, kind, row.identity, row.name or (row.installation.name if row.installation else ""))
    return Place(key, kind, row.name, str(row.user) if kind == "group" else row.city_line)
