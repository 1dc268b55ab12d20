"""A user's own groups of stations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.access.rights import SelectedGroup
from accounts.models import User
from chargers.groups.models import StationGroup
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError
from cpms.common.text.lines import check_lines

SESSION_KEY = "group"
MAX_GROUPS = 100
MAX_LISTED_KEYS = 1000  # up to this many stations a query lists their keys, above it uses a subquery
BATCH_SIZE = 1000
MAX_NAMED = 5


def chosen_group(user: User, key: Any) -> SelectedGroup | None:
    """Return what the group with this key narrows pages to; None if it is not the user's. Takes two queries."""
    group = StationGroup.objects.visible_to(user).filter(pk=key).first() if isinstance(key, int) else None
    if group is None:
        return None
    members = StationGroup.stations.through.objects.filter(stationgroup_id=group.pk)
    stations = members.order_by().values_list("chargingstation_id", flat=True)
    listed = list(stations[: MAX_LISTED_KEYS + 1])
    return SelectedGroup(group.pk, group.name, listed if len(listed) <= MAX_LISTED_KEYS else stations)


@transaction.atomic
def create_group(*, user: User, name: str, stations: Collection[ChargingStation] = ()) -> StationGroup:
    """Create a group with these stations, as far as the user may see them.

    Raises:
        DomainError: the name is empty or taken, or there are too many groups.
    """
    if StationGroup.objects.filter(user=user).count() >= MAX_GROUPS:
        raise DomainError(_("You already have %(most)d groups. Delete one first.") % {"most": MAX_GROUPS})
    group = _save_with_name(StationGroup(user=user), name)
    if stations:
        add_to_group(group=group, stations=_rows(stations))
    return group


@transaction.atomic
def edit_group(*, group: StationGroup, name: str, stations: Collection[ChargingStation] | None = None) -> StationGroup:
    """Rename a group and replace its stations; None: keep its stations.

    Raises:
        DomainError: the name is empty or taken.
    """
    group = _save_with_name(StationGroup.objects.select_for_update().get(pk=group.pk), name)
    if stations is not None:
        station_ids = [station.pk for station in stations]
        members = StationGroup.stations.through.objects.filter(stationgroup_id=group.pk)
        members.exclude(chargingstation_id__in=station_ids).delete()
        add_to_group(group=group, stations=_rows(stations))
    return group


def _rows(stations: Collection[ChargingStation]) -> QuerySet[ChargingStation]:
    rows: QuerySet[ChargingStation] = ChargingStation.objects.filter(pk__in=[station.pk for station in stations])
    return rows


@transaction.atomic
def rename_group(*, group: StationGroup, name: str) -> StationGroup:
    """Rename a group.

    Raises:
        DomainError: the name is empty or taken.
    """
    return _save_with_name(group, name)


def _save_with_name(group: StationGroup, name: str) -> StationGroup:
    group.name = name.strip()
    if not group.name or len(group.name) > 120:
        sentence = _("A group needs a name of at most 120 characters.")
        raise DomainError(sentence, fields={"name": sentence})
    check_lines(name=group.name)
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError:
        sentence = _("You already have a group with this name.")
        raise DomainError(sentence, fields={"name": sentence}) from None
    return group


@transaction.atomic
def add_to_group(*, group: StationGroup, stations: QuerySet[ChargingStation]) -> int:
    """Add stations to a group, as far as its user may see them. Returns how many were added."""
    members = StationGroup.stations.through.objects
    before = members.filter(stationgroup_id=group.pk).count()
    visible = stations & ChargingStation.objects.reachable_by(group.user)
    keys: Sequence[int] = list(visible.order_by().values_list("pk", flat=True))
    rows = [StationGroup.stations.through(stationgroup_id=group.pk, chargingstation_id=key) for key in keys]
    members.bulk_create(rows, BATCH_SIZE, ignore_conflicts=True)
    return members.filter(stationgroup_id=group.pk).count() - before


@transaction.atomic
def add_stations(
    *, user: User, stations: Collection[ChargingStation], group: StationGroup | None, new_name: str = ""
) -> int:
    """Add stations to one of the user's groups, or to a new one. Returns how many were added.

    Raises:
        DomainError: neither a group nor a name is given, or the name cannot be used.
    """
    if group is None:
        group = create_group(user=user, name=new_name)
    return add_to_group(group=group, stations=_rows(stations))


@transaction.atomic
def remove_from_group(*, group: StationGroup, station: ChargingStation) -> None:
    group.stations.remove(station)


@transaction.atomic
def delete_group(*, group: StationGroup) -> None:
    """Delete a group.

    Raises:
        DomainError: the scope of a tag selects the group.
    """
    group = StationGroup.objects.select_for_update().get(pk=group.pk)
    if tags := [str(tag) for tag in group.scoped_tags.order_by("value")[:MAX_NAMED]]:
        sentence = _("Tags are valid only in this group: %(tags)s. Remove it from their scope first.")
        raise DomainError(sentence % {"tags": ", ".join(tags)})
    group.delete()
