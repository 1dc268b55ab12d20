"""Create, edit, assign, block and delete the tags of a team."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import Grant, Membership, Team, User
from chargers.stations.models import ChargingStation
from chargers.tags.models import Tag
from chargers.tags.services.adding import NewTag, check_tag
from cpms.common.errors import DomainError, NotAllowed

MAX_STATIONS = 1000


def teams_operated_by(user: User) -> QuerySet[Team]:
    """Return the teams whose tags this user may edit."""
    scope = user.access.scope(Can.OPERATE)
    teams: QuerySet[Team] = Team.objects.all()
    return teams if scope.is_everything else teams.filter(pk__in=scope.teams)


def random_value() -> str:
    """Return a value for a virtual tag: impossible to guess, and of a length that every station accepts."""
    return f"V{secrets.token_hex(9).upper()}"


@transaction.atomic
def save_tag(
    *,
    actor: User,
    team: Team | None,
    value: str,
    label: str = "",
    kind: str = Tag.Kind.OTHER,
    expires_at: datetime | None = None,
    stations: Collection[ChargingStation] = (),
    status: str = "",
    tag: Tag | None = None,
) -> Tag:
    """Create a tag, or edit an existing one.

    Args:
        team: None only for an existing tag without a team.
        value: empty for a random one.
        stations: the only stations where it is valid; empty: all stations of the team.
        status: accepted or blocked; empty: unchanged.

    Raises:
        NotAllowed: the actor is not an operator of the team.
        DomainError: the value is taken or not valid, or a station belongs to another team (`fields` names which).
    """
    _require_operator(actor, tag or team)
    tag = Tag(team=team) if tag is None else Tag.objects.select_for_update(of=("self",)).get(pk=tag.pk)
    is_known = tag.pk is not None and tag.value == value
    tag.value, tag.label, tag.kind, tag.expires_at = value or random_value(), label, kind, expires_at
    tag.status = status or tag.status
    check_tag(NewTag(tag.value, tag.label, tag.status, tag.expires_at, tag.kind), is_known=is_known)
    if any(team is None or station.team_id != team.pk for station in stations):
        sentence = _("A tag can be valid only at stations of its own team.")
        raise DomainError(sentence, fields={"stations": sentence})
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError:
        sentence = _("The team already has this tag.")
        raise DomainError(sentence, fields={"value": sentence}) from None
    tag.stations.set(stations)
    return tag


@transaction.atomic
def assign_tag(*, tag: Tag, person: User | None, actor: User | None = None) -> Tag:
    """Assign a tag of a team to a user; None: remove the assignment.

    Raises:
        NotAllowed: the actor does not manage the team of the tag.
        DomainError: the user is not a member of the team and was not granted access by it.
    """
    if tag.team is None or (actor is not None and not actor.access.may(Can.MANAGE_TEAM, tag.team)):
        raise NotAllowed(_("Only administrators of the team can assign tags."))
    if person is not None and not _may_hold(person, tag.team):
        sentence = _("This person is not a member of the team and has no access granted by it.")
        raise DomainError(sentence, fields={"person": sentence})
    tag.user = person
    tag.save(update_fields=["user"])
    return tag


def _may_hold(person: User, team: Team) -> bool:
    is_member = Membership.objects.filter(team=team, user=person).exists()
    return is_member or Grant.objects.active().filter(team=team, user=person).exists()


@transaction.atomic
def set_tag_blocked(*, actor: User, tag: Tag, is_blocked: bool) -> Tag:
    """Block a tag or accept it again.

    Raises:
        NotAllowed: the actor is not an operator of the team.
    """
    _require_operator(actor, tag)
    tag.status = Tag.Status.BLOCKED if is_blocked else Tag.Status.ACCEPTED
    tag.save(update_fields=["status"])
    return tag


@transaction.atomic
def delete_tag(*, actor: User, tag: Tag) -> None:
    """Delete a tag; its sessions keep its value.

    Raises:
        NotAllowed: the actor is not an operator of the team.
    """
    _require_operator(actor, tag)
    tag.delete()


def _require_operator(actor: User, owner: Team | Tag | None) -> None:
    """Raise `NotAllowed` unless the actor may edit these tags; tags without a team are edited by support staff."""
    if owner is None or not actor.access.may(Can.OPERATE, owner):
        raise NotAllowed(_("Only operators and administrators of the team can edit its tags."))
