"""News for open pages: what changed is announced after the commit, coalesced by whoever calls.

News is a hint. A page that hears it fetches its fragment again, and the view that renders it checks permission.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)
MOST_STATIONS = 200  # above that a page is told 'many' and refreshes what it shows


def team_group(team_id: int) -> str:
    """The channel layer's group that all open pages of a team listen to."""
    return f"team-{team_id}"


def tell_pages(changed: Mapping[int | None, Iterable[int]]) -> None:
    """Announce, after commit, which stations of which teams changed.

    Args:
        changed: primary keys of stations by primary key of their team (None: the pool, which nobody watches).
    """
    news = {team: sorted(set(stations)) for team, stations in changed.items() if team is not None}
    if news:
        transaction.on_commit(partial(_send, news), robust=True)


def _send(news: Mapping[int, list[int]]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    for team_id, stations in news.items():
        event = {"type": "news", "stations": stations if len(stations) <= MOST_STATIONS else None}
        try:
            async_to_sync(layer.group_send)(team_group(team_id), event)
        except Exception as error:  # Redis is away: pages are told that they are stale by their own socket
            logger.warning("news was not delivered", extra={"team": team_id, "cause": type(error).__name__})
            return
