"""Add tags, one or ten thousand at a time, by the same rules."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from accounts.audit.services import record_added_rows
from accounts.models import Team, User
from chargers.stations.services.batches import BATCH_SIZE, Added, in_chunks, require_admin
from chargers.tags.models import Tag
from chargers.tags.services.scope import TagScope, check_scope, set_scope_of_many
from chargers.tags.services.windows import checked_windows
from cpms.common.errors import refuse
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
UPDATED_FIELDS = ["status", "expires_at", "label", "kind", "valid_from", "time_windows"]
MAX_TAG_LENGTH = 20  # every station can read this many; tags that exist already may be longer


@dataclass(frozen=True, slots=True)
class NewTag:
    """A tag to be added.

    Attributes:
        kind: empty: an existing tag keeps its kind, a new one is "other".
        valid_from: None: an existing tag keeps its time.
        time_windows: None: an existing tag keeps its windows.
    """

    value: str
    label: str = ""
    status: str = Tag.Status.ACCEPTED
    expires_at: datetime | None = None
    kind: str = ""
    valid_from: datetime | None = None
    time_windows: Sequence[Mapping[str, Any]] | None = None


def add_tag(*, team: Team, value: str, scope: TagScope | None = None, actor: User | None = None, **fields: Any) -> Tag:
    """Add one tag; see `add_tags`.

    Args:
        fields: the other fields of `NewTag`.
    """
    add_tags(team=team, tags=[NewTag(value=value, **fields)], scope=scope, actor=actor)
    return _known_tags(team, [value])[value.upper()]


@transaction.atomic
def add_tags(*, team: Team, tags: Iterable[NewTag], scope: TagScope | None = None, actor: User | None = None) -> Added:
    """Add tags to a team.

    Existing tags (in any case) get the given status and expiry, and the other fields if given.

    Args:
        scope: where the tags are valid; None: existing tags keep their scope, new ones are valid at every station of
            the team.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: a value or the scope is not valid (`fields` names which).
    """
    require_admin(actor, team)
    wanted = list(tags)
    known = _known_tags(team, [tag.value for tag in wanted])
    for tag in wanted:
        check_tag(tag, is_known=tag.value.upper() in known)
    if len({tag.value.upper() for tag in wanted}) < len(wanted):
        refuse("value", _("The list contains the same value twice. Values are not case-sensitive."))
    if scope is not None:
        check_scope(team, scope)
    _save_tags(team, wanted, known)
    tags_now = _known_tags(team, [tag.value for tag in wanted])
    record_added_rows([tag for value, tag in tags_now.items() if value not in known], actor=actor, team_id=team.pk)
    if scope is not None:
        set_scope_of_many([tag.pk for tag in tags_now.values()], scope)
    logger.info("tags added", extra={"team": team.handle, "new": len(wanted) - len(known), "known": len(known)})
    return Added(created=len(wanted) - len(known), updated=len(known))


def check_tag(tag: NewTag, *, is_known: bool = False) -> None:
    """Check the values of a tag.

    Args:
        is_known: whether the team has a tag with this value; it may be longer than a new one.

    Raises:
        DomainError: a value is not valid.
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
    if tag.valid_from is not None and tag.expires_at is not None and tag.valid_from >= tag.expires_at:
        refuse("expires_at", _("A tag must be valid before it expires."))
    checked_windows(tag.time_windows or ())


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
            tag = Tag(team=team, value=new.value)
            fresh.append(tag)
        else:
            changed.append(tag)
        tag.status, tag.expires_at = new.status, new.expires_at
        tag.label, tag.kind = new.label or tag.label, new.kind or tag.kind
        tag.valid_from = new.valid_from or tag.valid_from
        if new.time_windows is not None:
            tag.time_windows = checked_windows(new.time_windows)
    Tag.objects.bulk_update(changed, UPDATED_FIELDS, BATCH_SIZE // 3)
    try:
        with transaction.atomic():
            Tag.objects.bulk_create(fresh, BATCH_SIZE)
    except IntegrityError:
        refuse("value", _("One of the values has just been taken. Please try again."))
