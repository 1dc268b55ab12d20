"""Where a tag is valid: at all stations of its team, or only at selected stations, installations and groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team
from chargers.groups.models import StationGroup
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from chargers.stations.services.batches import BATCH_SIZE, in_chunks
from chargers.tags.models import EDITING_ROLES, Tag
from cpms.common.errors import refuse

MAX_SELECTED = 1000
SELECTABLE = ("stations", "installations", "groups")


@dataclass(frozen=True, slots=True)
class TagScope:
    """Where a tag is valid.

    Attributes:
        kind: all stations of the team, or only what is selected; with nothing selected the tag is valid nowhere.
    """

    kind: str = Tag.Scope.ALL
    stations: Collection[ChargingStation] = ()
    installations: Collection[Installation] = ()
    groups: Collection[StationGroup] = ()

    @classmethod
    def of(cls, tag: Tag) -> TagScope:
        """Return the current scope of a tag."""
        return cls(tag.scope, *[list(getattr(tag, name).all()) for name in SELECTABLE])


def selectable_groups(team: Team) -> QuerySet[StationGroup]:
    """Return the groups that can be in the scope of a team's tags: those of its members who may edit these tags."""
    groups: QuerySet[StationGroup] = StationGroup.objects.filter(
        user__memberships__team=team, user__memberships__role__in=EDITING_ROLES
    )
    return groups


def check_scope(team: Team | None, scope: TagScope) -> None:
    """Check that a tag of this team can have this scope.

    Raises:
        DomainError: something selected belongs to another team, or something is selected although the tag is valid at
            all stations (`fields` names which).
    """
    if scope.kind not in Tag.Scope.values:
        refuse("scope", _("The scope must be one of: %(known)s.") % {"known": ", ".join(Tag.Scope.values)})
    if scope.kind == Tag.Scope.ALL:
        if any(getattr(scope, name) for name in SELECTABLE):
            refuse("scope", _("To limit the tag to a selection, set its scope to “selected”."))
        return
    if team is None:
        refuse("scope", _("A personal tag is valid wherever its holder has access."))
    for name in SELECTABLE:
        if len(getattr(scope, name)) > MAX_SELECTED:
            refuse(name, _("Select at most %(most)d. Use a group for more stations.") % {"most": MAX_SELECTED})
    if any(station.team_id != team.pk for station in scope.stations):
        refuse("stations", _("A tag can be valid only at stations of its own team."))
    if any(installation.team_id != team.pk for installation in scope.installations):
        refuse("installations", _("A tag can be valid only at installations of its own team."))
    keys = {group.pk for group in scope.groups}
    if keys and selectable_groups(team).filter(pk__in=keys).count() < len(keys):
        refuse("groups", _("Select only groups of members who may edit the tags of the team."))


def attach_selected_counts(tags: Sequence[Any]) -> None:
    """Set `selected` of each tag to how many stations, installations and groups it selects, with three queries."""
    for tag in tags:
        tag.selected = {}
    by_id = {tag.pk: tag for tag in tags if tag.scope == Tag.Scope.SELECTED}
    if not by_id:
        return
    for name in SELECTABLE:
        rows = getattr(Tag, name).through.objects.filter(tag_id__in=by_id).order_by()
        for tag_id, count in rows.values_list("tag_id").annotate(count=Count("pk")):
            by_id[tag_id].selected[name] = count


def set_scope(tag: Tag, scope: TagScope) -> None:
    """Select what a tag's scope selects; the caller has checked it and saves `scope`."""
    for name in SELECTABLE:
        getattr(tag, name).set(getattr(scope, name))


def set_scope_of_many(tag_ids: Sequence[int], scope: TagScope) -> None:
    """Give many tags the same scope; the caller has checked it."""
    for some in in_chunks(tag_ids):
        Tag.objects.filter(pk__in=some).update(scope=scope.kind)
    for name in SELECTABLE:
        through: Any = getattr(Tag, name).through
        column = getattr(Tag, name).field.m2m_reverse_name()
        keys = [row.pk for row in getattr(scope, name)]
        for some in in_chunks(tag_ids):
            through.objects.filter(tag_id__in=some).exclude(**{f"{column}__in": keys}).delete()
        rows = [through(tag_id=tag, **{column: key}) for tag in tag_ids for key in keys]
        through.objects.bulk_create(rows, BATCH_SIZE, ignore_conflicts=True)
