"""The tags of a person (W13)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.rights import Can
from chargers.models import Tag
from chargers.services.tagging import random_value
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.lines import check_lines

LONGEST = 20  # idToken of OCPP 1.6


@dataclass(frozen=True, slots=True)
class WantedTag:
    """A row of the form; without `pk` a new one, without `value` a virtual one that is made up here."""

    pk: int | None
    value: str
    label: str
    kind: str


@transaction.atomic
def set_tags_of_person(
    *, person: User, team: Team | None, wanted: Sequence[WantedTag], shown: Collection[int], actor: User
) -> None:
    """The person's tags in teams that the actor manages are those that are wanted.

    Args:
        team: whose the new ones are.
        shown: the tags that the form had: of these, what is not wanted any more is taken away and blocked. A tag that
            somebody else added meanwhile stays.

    Raises:
        NotAllowed: the actor does not manage the team.
        DomainError: a value or type is wrong, or the tag is somebody else's.
    """
    teams = actor.scope(Can.MANAGE_TEAM)
    mine = Tag.objects.select_for_update().filter(user=person)
    if not teams.is_everything:
        mine = mine.filter(team__in=teams.teams)
    known = {tag.pk: tag for tag in mine.order_by("pk")}
    for row in wanted:
        check_lines(tag_label=row.label)
        if row.kind not in Tag.Kind.values:
            raise DomainError(_("Choose a type for each tag."))
        if row.pk is None:
            _add(person, team, row, actor)
        elif (tag := known.get(row.pk)) is not None:
            tag.label, tag.kind = row.label.strip()[:120], row.kind
            tag.save(update_fields=["label", "kind"])
    kept = {row.pk for row in wanted}
    gone = [pk for pk in shown if pk in known and pk not in kept]
    Tag.objects.filter(pk__in=gone).update(user=None, status=Tag.Status.BLOCKED)


def _add(person: User, team: Team | None, row: WantedTag, actor: User) -> None:
    if team is None or not actor.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team may add tags."))
    value, kind = row.value.strip() or random_value(), row.kind
    if len(value) > LONGEST or not (value.isprintable() and value.isascii()):
        raise DomainError(
            _("“%(value)s” is no tag: it has 1 to 20 printable ASCII characters.") % {"value": value[:40]}
        )
    tag = Tag.objects.select_for_update().filter(team=team, value__iexact=value).first()
    if tag is None:
        try:
            with transaction.atomic():
                Tag.objects.create(team=team, user=person, value=value, label=row.label.strip()[:120], kind=kind)
        except IntegrityError:
            raise DomainError(_("The tag %(value)s was taken in this moment.") % {"value": value}) from None
        return
    if tag.user_id not in (None, person.pk):
        raise DomainError(_("The tag %(value)s is somebody else's.") % {"value": value})
    tag.user, tag.kind, tag.status = person, kind, Tag.Status.ACCEPTED
    tag.label = row.label.strip()[:120] or tag.label
    tag.save(update_fields=["user", "kind", "label", "status"])
