"""Panels that show tags."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import User
from chargers.installations.models import Installation
from chargers.tags.labels import status_badge
from chargers.tags.models import Tag
from chargers.tags.services.cards import cards_of, may_edit_cards, possible_cards
from cpms.common.web.panels import Panel

MAX_CARDS = 50


def own_tags(tags: Sequence[Tag]) -> Panel:
    """The tags of the user who is signed in."""
    return Panel("chargers/tags/panels/own_tags.html", {"tags": tags})


def cards(installation: Installation, user: User) -> Panel | None:
    """The tags that are allowed at all stations of an installation; None for users who may not see the team's tags."""
    tags = Tag.objects.reachable_by(user).filter(team=installation.team_id)
    if installation.team_id not in user.access.team_ids and not user.is_staff:
        return None
    selected = list(cards_of(installation)[: MAX_CARDS + 1])
    may_edit = may_edit_cards(user, installation)
    context = {
        "installation": installation,
        "cards": [(tag, status_badge(tag)) for tag in selected[:MAX_CARDS]],
        "has_more": len(selected) > MAX_CARDS,
        "everywhere": tags.filter(scope=Tag.Scope.ALL).count(),
        "may_edit": may_edit,
        "possible": list(possible_cards(installation)[:MAX_CARDS]) if may_edit else [],
    }
    return Panel("chargers/tags/panels/cards.html", context)
