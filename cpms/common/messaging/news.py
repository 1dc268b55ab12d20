"""News for open pages and hints for gateway nodes, sent over the channel layer without delaying the caller.

Events are collected for a moment and sent by a separate thread, so that an unavailable Redis blocks nobody. News is
only a hint: a page that receives it reloads its fragment, whose view checks permissions. Nodes also poll the database
every second.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)
MAX_STATIONS = 200  # with more changed stations, a page refreshes everything it shows
GATHER_SECONDS = 0.1
SEND_SECONDS = 3.0
MAX_HINTS = 10_000


def team_group(team_id: int) -> str:
    """Return the channel layer's group for all open pages of a team."""
    return f"team-{team_id}"


def person_group(user_id: int) -> str:
    """Return the channel layer's group for all open pages of a user."""
    return f"person-{user_id}"


def tell_pages(changed: Mapping[int | None, Iterable[int]]) -> None:
    """Announce, after commit, which stations of which teams changed.

    Args:
        changed: primary keys of stations by primary key of their team (None: the pool, which no page shows live).
    """
    news = {team: set(stations) for team, stations in changed.items() if team is not None}
    if news:
        transaction.on_commit(partial(_news_sender().announce, news), robust=True)


def hint(group: str, event: dict[str, Any]) -> None:
    """Send an event to a group of the channel layer after commit."""
    transaction.on_commit(partial(_news_sender().send, group, event), robust=True)


class NewsSender:
    """Collects news and hints, and sends them from a thread with its own event loop."""

    def __init__(self) -> None:
        self._news: dict[int, set[int]] = {}
        self._hints: list[tuple[str, dict[str, Any]]] = []
        self._changed = threading.Condition()
        self._is_sending = False
        threading.Thread(target=self._run, name="news-sender", daemon=True).start()
        atexit.register(self.flush)

    def announce(self, news: Mapping[int, set[int]]) -> None:
        with self._changed:
            for team_id, stations in news.items():
                self._news.setdefault(team_id, set()).update(stations)
            self._changed.notify_all()

    def send(self, group: str, event: dict[str, Any]) -> None:
        with self._changed:
            if len(self._hints) < MAX_HINTS:
                self._hints.append((group, event))
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait up to a second until everything is sent, so that short commands do not lose their news."""
        deadline = time.monotonic() + 1.0
        with self._changed:
            while (self._news or self._hints or self._is_sending) and time.monotonic() < deadline:
                self._changed.wait(0.05)

    def _run(self) -> None:
        asyncio.run(self._send_all())

    def _take_all(self) -> tuple[dict[int, set[int]], list[tuple[str, dict[str, Any]]]]:
        with self._changed:
            while not self._news and not self._hints:
                self._changed.wait()
            news, self._news = self._news, {}
            hints, self._hints = self._hints, []
            self._is_sending = True
            return news, hints

    async def _send_all(self) -> None:
        layer = get_channel_layer()
        while layer is not None:
            news, hints = self._take_all()  # may block: nothing else runs on this loop
            events = [(team_group(team_id), _event(team_id, stations)) for team_id, stations in news.items()]
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    for group, event in [*hints, *events]:
                        await layer.group_send(group, event)
            except Exception as error:  # pages notice themselves that they are stale
                logger.warning("news was not delivered", extra={"cause": type(error).__name__})
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
            await asyncio.sleep(GATHER_SECONDS)


def _event(team_id: int, stations: set[int]) -> dict[str, Any]:
    return {"type": "news", "team": team_id, "stations": sorted(stations) if len(stations) <= MAX_STATIONS else None}


_news_senders: dict[int, NewsSender] = {}  # by process id
_lock = threading.Lock()


def _news_sender() -> NewsSender:
    """Return this process's news sender; a forked worker gets its own."""
    pid = os.getpid()
    if pid not in _news_senders:
        with _lock:
            if pid not in _news_senders:
                _news_senders[pid] = NewsSender()
    return _news_senders[pid]
