"""Create, edit, assign, block and delete the tags of a team."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import Grant, Membership, Team, User
from chargers.tags.models import Tag
from chargers.tags.services.adding import NewTag, check_tag
from chargers.tags.services.scope import TagScope, check_scope, set_scope
from chargers.tags.services.windows import checked_windows
from cpms.common.errors import DomainError, NotAllowed


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
    valid_from: datetime | None = None,
    expires_at: datetime | None = None,
    time_windows: Sequence[Mapping[str, Any]] = (),
    scope: TagScope | None = None,
    status: str = "",
    tag: Tag | None = None,
) -> Tag:
    """Create a tag, or edit an existing one.

    Args:
        team: None only for an existing tag without a team.
        value: empty for a random one.
        time_windows: see `chargers.tags.services.windows`; empty: valid at any time.
        scope: where it is valid; None: an existing tag keeps its scope, a new one is valid at all stations of the team.
        status: accepted or blocked; empty: unchanged.

    Raises:
        NotAllowed: the actor is not an operator of the team.
        DomainError: the value is taken, or a value or the scope is not valid (`fields` names which).
    """
    _require_operator(actor, tag or team)
    tag = Tag(team=team) if tag is None else Tag.objects.select_for_update(of=("self",)).get(pk=tag.pk)
    is_known = tag.pk is not None and tag.value == value
    tag.value, tag.label, tag.kind, tag.expires_at = value or random_value(), label, kind, expires_at
    tag.status = status or tag.status
    tag.valid_from, tag.time_windows = valid_from, checked_windows(time_windows)
    checked = NewTag(tag.value, tag.label, tag.status, tag.expires_at, tag.kind, tag.valid_from)
    check_tag(checked, is_known=is_known)
    if scope is not None:
        check_scope(team, scope)
        tag.scope = scope.kind
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError:
        sentence = _("The team already has this tag.")
        raise DomainError(sentence, fields={"value": sentence}) from None
    if scope is not None:
        set_scope(tag, scope)
    return tag


@transaction.atomic
def assign_tag(*, tag: Tag, person: User | None, actor: User | None = None) -> Tag:
    """Assign a tag of a team to a user; None: remove the assignment.

    Raises:
        NotAllowed: the actor does not manage the team of the tag.
        DomainError: the user is not a member of the team and was not granted access by it.
    """
    if tag.team is None or (actor is not None and not may_assign(actor, tag.team)):
        raise NotAllowed(_("Only administrators of the team can assign tags."))
    if person is not None and not possible_holders(tag.team).filter(pk=person.pk).exists():
        sentence = _("This person is not a member of the team and has no access granted by it.")
        raise DomainError(sentence, fields={"person": sentence})
    tag.user = person
    tag.save(update_fields=["user"])
    return tag


def may_assign(actor: User, team: Team) -> bool:
    """Return whether the actor may assign tags of this team."""
    return actor.access.may(Can.MANAGE_TEAM, team)


def possible_holders(team: Team) -> QuerySet[User]:
    """Return the users who can hold a tag of this team: its members, and users with access granted by it."""
    members = Membership.objects.filter(team=team).values("user")
    granted = Grant.objects.active().filter(team=team, user__isnull=False).values("user")
    users: QuerySet[User] = User.objects.filter(Q(pk__in=members) | Q(pk__in=granted))
    return users.order_by("last_name", "first_name", "email")


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


@transaction.atomic
def set_tags_blocked(*, actor: User, tags: Iterable[Tag], is_blocked: bool) -> None:
    """Block several tags or accept them again; see `set_tag_blocked`."""
    for tag in tags:
        set_tag_blocked(actor=actor, tag=tag, is_blocked=is_blocked)


@transaction.atomic
def delete_tags(*, actor: User, tags: Iterable[Tag]) -> None:
    """Delete several tags; see `delete_tag`."""
    for tag in tags:
        delete_tag(actor=actor, tag=tag)


def _require_operator(actor: User, owner: Team | Tag | None) -> None:
    """Raise `NotAllowed` unless the actor may edit these tags; tags without a team are edited by support staff."""
    if owner is None or not actor.access.may(Can.OPERATE, owner):
        raise NotAllowed(_("Only operators and administrators of the team can edit its tags."))
