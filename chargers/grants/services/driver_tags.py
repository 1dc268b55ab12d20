"""Tags for users outside the team who were granted the right to charge."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.access.rights import Can, allows
from accounts.models import Grant, User
from chargers.grants.services.grants import may_change
from chargers.tags.models import Tag
from chargers.tags.services.adding import NewTag, check_tag
from chargers.tags.services.editing import random_value
from cpms.common.errors import DomainError, NotAllowed


def tags_of(grant: Grant) -> QuerySet[Tag]:
    """Return the user's tags in the team that granted access, and those without a team."""
    tags: QuerySet[Tag] = Tag.objects.filter(Q(team=grant.team_id) | Q(team=None), user=grant.user)
    return tags.select_related("team").order_by("value", "pk")


def may_give_tags(actor: User, grant: Grant) -> bool:
    """Return whether the actor may give tags to the user of this grant."""
    return grant.user_id is not None and allows(grant.role, Can.CHARGE) and grant.is_active and may_change(actor, grant)


def may_give_team_tags(actor: User, grant: Grant) -> bool:
    """Return whether a tag may belong to the team; an owner by granted access can give only tags without a team."""
    return actor.access.may(Can.OPERATE, grant.team)


@transaction.atomic
def give_tag(*, grant: Grant, value: str, label: str = "", is_teams: bool, actor: User) -> Tag:
    """Give a tag to a user who was granted the right to charge.

    Args:
        value: empty for a random one.
        is_teams: whether the tag belongs to the team; otherwise it belongs to the user and to no team.

    Raises:
        NotAllowed: the actor may not give tags to this user.
        DomainError: the value is not valid or is taken.
    """
    if not may_give_tags(actor, grant) or (is_teams and not may_give_team_tags(actor, grant)):
        raise NotAllowed(_("You cannot give this person a tag."))
    tag = Tag(
        team=grant.team if is_teams else None,
        user=grant.user,
        value=value.strip() or random_value(),
        label=label.strip(),
    )
    check_tag(NewTag(tag.value, tag.label, tag.status, None, tag.kind))
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError:
        sentence = _("This tag already exists. Enter another number.")
        raise DomainError(sentence, fields={"value": sentence}) from None
    return tag
