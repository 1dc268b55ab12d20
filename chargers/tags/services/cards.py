"""The tags that are allowed at all stations of an installation."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import User
from chargers.installations.models import Installation
from chargers.tags.models import Tag
from chargers.tags.services.finding import search_tags
from cpms.common.errors import DomainError, NotAllowed, refuse


def cards_of(installation: Installation) -> QuerySet[Tag]:
    """Return the tags that select the installation, without those that are valid at all stations of the team."""
    tags: QuerySet[Tag] = Tag.objects.filter(scope=Tag.Scope.SELECTED, installations=installation)
    return tags.select_related("user").order_by("value", "pk")


def possible_cards(installation: Installation) -> QuerySet[Tag]:
    """Return the tags of the team that could be allowed here in addition."""
    tags: QuerySet[Tag] = Tag.objects.filter(team=installation.team_id, scope=Tag.Scope.SELECTED)
    return tags.exclude(installations=installation).order_by("label", "value")


def may_edit_cards(actor: User, installation: Installation) -> bool:
    return actor.access.may(Can.OPERATE, installation.team)


@transaction.atomic
def allow_card(*, actor: User, installation: Installation, text: str) -> Tag:
    """Allow a tag at all stations of an installation.

    Args:
        text: the value of the tag, or a part of its value, note or holder that no other tag has.

    Raises:
        NotAllowed: the actor may not edit the tags of the team.
        DomainError: no tag matches, several do, or the tag is valid at all stations already.
    """
    _require_editor(actor, installation)
    tag = _tag_named(installation, text.strip())
    tag = Tag.objects.select_for_update(of=("self",)).get(pk=tag.pk)
    if tag.scope == Tag.Scope.ALL:
        refuse("tag", _("Tag %(value)s is already valid at all stations of the team.") % {"value": tag.value})
    tag.installations.add(installation)
    return tag


@transaction.atomic
def remove_card(*, actor: User, installation: Installation, tag: Tag) -> None:
    """Take an installation out of the scope of a tag, which is never valid at more stations afterwards.

    Raises:
        NotAllowed: the actor may not edit the tags of the team.
        DomainError: the tag does not select the installation.
    """
    _require_editor(actor, installation)
    if not cards_of(installation).filter(pk=tag.pk).exists():
        raise DomainError(_("Tag %(value)s is not limited to this installation.") % {"value": tag.value})
    tag.installations.remove(installation)


def _tag_named(installation: Installation, text: str) -> Tag:
    tags = Tag.objects.filter(team=installation.team_id)
    if not text:
        refuse("tag", _("Enter a tag number or name."))
    exact: Tag | None = tags.filter(value__iexact=text).first()
    if exact is not None:
        return exact
    found: list[Tag] = list(search_tags(tags, text)[:2])
    if not found:
        refuse("tag", _("No tag matches “%(text)s”.") % {"text": text})
    if len(found) > 1:
        refuse("tag", _("Several tags match “%(text)s”. Enter the whole number.") % {"text": text})
    return found[0]


def _require_editor(actor: User, installation: Installation) -> None:
    if not may_edit_cards(actor, installation):
        raise NotAllowed(_("Only operators and administrators of the team can edit its tags."))
