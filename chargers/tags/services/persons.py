"""Set the tags of a user."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import Team, User
from chargers.tags.models import Tag
from chargers.tags.services.adding import NewTag, check_tag
from chargers.tags.services.editing import random_value
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.lines import line_refusal


@dataclass(frozen=True, slots=True)
class WantedTag:
    """A row of the form.

    Attributes:
        pk: None for a new tag.
        value: empty for a new virtual tag, whose value is generated.
    """

    pk: int | None
    value: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be saved.

    Attributes:
        consent: the entry that `set_tags_of_person` needs among its `consents` to assign the tag anyway; empty if that
            is not possible.
    """

    sentence: str
    consent: str = ""


class TagsRefused(DomainError):
    """Nothing was saved; `problems` says why, by the index of the row."""

    def __init__(self, problems: Mapping[int, Problem]) -> None:
        sentence = next(iter(problems.values())).sentence
        super().__init__(sentence, fields={"tags": sentence})
        self.problems = dict(problems)


@transaction.atomic
def set_tags_of_person(
    *,
    person: User,
    team: Team | None,
    wanted: Sequence[WantedTag],
    shown: Collection[int],
    actor: User,
    consents: Collection[str] = (),
) -> None:
    """Make the wanted tags the tags of the user, in teams that the actor manages.

    Args:
        team: the team of new tags.
        shown: the tags that the form contained. Those that are no longer wanted are removed from the user and blocked;
            a tag that was added in the meantime stays.
        consents: what the actor agreed to after a first attempt; see `Problem.consent`.

    Raises:
        NotAllowed: the actor does not manage the team.
        TagsRefused: a value or type is wrong, or the team has such a tag and the actor has not agreed to assign it to
            this user.
    """
    teams = actor.access.scope(Can.MANAGE_TEAM)
    own_tags = Tag.objects.select_for_update().filter(user=person)
    if not teams.is_everything:
        own_tags = own_tags.filter(team__in=teams.teams)
    known = {tag.pk: tag for tag in own_tags.order_by("pk")}
    problems: dict[int, Problem] = {}
    values: set[str] = set()
    wanted_ids: set[int] = set()
    for number, row in enumerate(wanted):
        tag = known.get(row.pk or 0)
        value = (tag.value if tag else row.value.strip()).upper()
        if refusal := line_refusal(row.label):
            problems[number] = Problem(refusal)
        elif row.kind not in Tag.Kind.values:
            problems[number] = Problem(_("Choose a type for each tag."))
        elif value and value in values:
            problems[number] = Problem(_("The tag %(value)s appears twice in this form.") % {"value": value})
        elif row.pk is None:
            added = _add(person, team, row, actor, consents)
            if isinstance(added, Problem):
                problems[number] = added
            else:
                wanted_ids.add(added)
        elif tag is not None:
            tag.label, tag.kind = row.label.strip()[:120], row.kind
            tag.save(update_fields=["label", "kind"])
        values.add(value)
        wanted_ids.add(row.pk or 0)
    if problems:
        raise TagsRefused(problems)
    gone = [pk for pk in shown if pk in known and pk not in wanted_ids]
    Tag.objects.filter(pk__in=gone).update(user=None, status=Tag.Status.BLOCKED)


def _add(person: User, team: Team | None, row: WantedTag, actor: User, consents: Collection[str]) -> int | Problem:
    """Save a new row. Returns the key of its tag, or the problem."""
    if team is None or not actor.access.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team can add tags."))
    value, label = row.value.strip() or random_value(), row.label.strip()[:120]
    tag = (
        Tag.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(team=team, value__iexact=value)
        .first()
    )
    try:
        check_tag(NewTag(value, label, kind=row.kind), is_known=tag is not None)
        if tag is None:
            with transaction.atomic():
                return Tag.objects.create(team=team, user=person, value=value, label=label, kind=row.kind).pk
    except DomainError as error:
        return Problem(str(error))
    except IntegrityError:
        return Problem(_("The tag %(value)s has just been taken.") % {"value": value})
    consent = f"{tag.pk}:{tag.user_id or ''}"
    if tag.user_id != person.pk and consent not in consents:
        return Problem(_describe_existing(tag), consent)
    tag.user, tag.kind, tag.status = person, row.kind, Tag.Status.ACCEPTED
    tag.label = label or tag.label
    tag.save(update_fields=["user", "kind", "label", "status"])
    return tag.pk


def _describe_existing(tag: Tag) -> str:
    """Describe the existing tag with this value, so that the wrong one is not assigned by mistake."""
    sentences = {
        (False, False): _("The team already has the tag %(value)s. It is not assigned."),
        (True, False): _("The team already has the tag %(value)s, named “%(name)s”. It is not assigned."),
        (False, True): _("The team already has the tag %(value)s. It is assigned to %(holder)s."),
        (True, True): _("The team already has the tag %(value)s, named “%(name)s”. It is assigned to %(holder)s."),
    }
    values = {"value": tag.value, "name": tag.label, "holder": tag.user}
    sentence = sentences[bool(tag.label), tag.user is not None] % values
    if tag.status == Tag.Status.BLOCKED:
        sentence += " " + _("It is blocked and would be unblocked.")
    return sentence
