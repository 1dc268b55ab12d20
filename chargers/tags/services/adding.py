"""Add tags, one or ten thousand at a time, by the same rules."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from accounts.audit.services import record_added_rows
from accounts.models import Team, User
from chargers.stations.models import ChargingStation
from chargers.stations.services.batches import BATCH_SIZE, Added, in_chunks, require_admin
from chargers.tags.models import Tag
from cpms.common.errors import refuse
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)


MAX_TAG_LENGTH = 20  # every station can read this many; tags that exist already may be longer


@dataclass(frozen=True, slots=True)
class NewTag:
    """A tag to be added.

    Attributes:
        kind: empty: an existing tag keeps its kind, a new one is "other".
    """

    value: str
    label: str = ""
    status: str = Tag.Status.ACCEPTED
    expires_at: datetime | None = None
    kind: str = ""


def add_tag(
    *,
    team: Team,
    value: str,
    label: str = "",
    status: str = Tag.Status.ACCEPTED,
    expires_at: datetime | None = None,
    kind: str = "",
    stations: Collection[ChargingStation] = (),
    actor: User | None = None,
) -> Tag:
    """Add one tag; see `add_tags`."""
    wanted = NewTag(value=value, label=label, status=status, expires_at=expires_at, kind=kind)
    add_tags(team=team, tags=[wanted], stations=stations, actor=actor)
    return _known_tags(team, [value])[value.upper()]


@transaction.atomic
def add_tags(
    *, team: Team, tags: Iterable[NewTag], stations: Collection[ChargingStation] = (), actor: User | None = None
) -> Added:
    """Add tags to a team.

    Existing tags (in any case) get the given status, expiry and stations, and label and kind if given.

    Args:
        stations: where the tags are valid; none: at every station of the team.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: a value, status or kind is wrong, or a station belongs to another team (`fields` names which).
    """
    require_admin(actor, team)
    wanted = list(tags)
    known = _known_tags(team, [tag.value for tag in wanted])
    for tag in wanted:
        check_tag(tag, is_known=tag.value.upper() in known)
    if len({tag.value.upper() for tag in wanted}) < len(wanted):
        refuse("value", _("The list contains the same value twice. Values are not case-sensitive."))
    if any(station.team_id != team.pk for station in stations):
        refuse("stations", _("A tag can be valid only at stations of its own team."))
    _save_tags(team, wanted, known)
    tags_now = _known_tags(team, [tag.value for tag in wanted])
    record_added_rows([tag for value, tag in tags_now.items() if value not in known], actor=actor, team_id=team.pk)
    tag_ids = [tag.pk for tag in tags_now.values()]
    _set_scope(tag_ids, [station.pk for station in stations])
    logger.info("tags added", extra={"team": team.handle, "new": len(wanted) - len(known), "known": len(known)})
    return Added(created=len(wanted) - len(known), updated=len(known))


def check_tag(tag: NewTag, *, is_known: bool = False) -> None:
    """Check the values of a tag.

    Args:
        is_known: whether the team has a tag with this value; it may be longer than a new one.

    Raises:
        DomainError: the value, the status or the type is not valid.
    """
    check_lines(label=tag.label)
    if not tag.value or (len(tag.value) > MAX_TAG_LENGTH and not is_known):
        refuse("value", length_refusal())
    if tag.value != tag.value.strip() or not (tag.value.isprintable() and tag.value.isascii()):
        refuse("value", _("A tag can contain only printable ASCII characters, without spaces at the start or end."))
    if tag.status not in Tag.Status.values:
        known = ", ".join(Tag.Status.values)
        refuse("status", _("The status must be one of: %(known)s.") % {"known": known})
    if tag.kind and tag.kind not in Tag.Kind.values:
        refuse("kind", _("The type must be one of: %(known)s.") % {"known": ", ".join(Tag.Kind.values)})


def length_refusal() -> str:
    return _("A tag must have 1 to %(most)d characters.") % {"most": MAX_TAG_LENGTH}


def _known_tags(team: Team, values: Sequence[str]) -> dict[str, Tag]:
    tags = Tag.objects.select_for_update(of=("self",)).filter(team=team).annotate(upper=Upper("value")).order_by("id")
    found = (tag for some in in_chunks(values) for tag in tags.filter(_any_upper(some)))
    return {tag.value.upper(): tag for tag in found}


def _any_upper(values: Iterable[str]) -> Q:
    """Return the condition that a value is one of these in any case.

    Values are ASCII, so that every database and Python agree on upper case.
    """
    return Q(upper__in=[value.upper() for value in values])


def _save_tags(team: Team, wanted: Sequence[NewTag], known: dict[str, Tag]) -> None:
    fresh, changed = [], []
    for new in wanted:
        tag = known.get(new.value.upper())
        if tag is None:
            fields = {"label": new.label, "status": new.status, "expires_at": new.expires_at}
            fresh.append(Tag(team=team, value=new.value, kind=new.kind or Tag.Kind.OTHER, **fields))
            continue
        tag.status, tag.expires_at = new.status, new.expires_at
        tag.label, tag.kind = new.label or tag.label, new.kind or tag.kind
        changed.append(tag)
    Tag.objects.bulk_update(changed, ["status", "expires_at", "label", "kind"], BATCH_SIZE // 3)
    try:
        with transaction.atomic():
            Tag.objects.bulk_create(fresh, BATCH_SIZE)
    except IntegrityError:
        refuse("value", _("One of the values has just been taken. Please try again."))


def _set_scope(tag_ids: Sequence[int], station_ids: Sequence[int]) -> None:
    through = Tag.stations.through
    for some in in_chunks(tag_ids):
        through.objects.filter(tag_id__in=some).exclude(chargingstation_id__in=station_ids).delete()
    rows = [through(tag_id=tag, chargingstation_id=station) for tag in tag_ids for station in station_ids]
    through.objects.bulk_create(rows, BATCH_SIZE, ignore_conflicts=True)
