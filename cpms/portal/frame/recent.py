"""The stations whose pages a user opened last, for the search box.

They are kept in the cache, beside the login session: the session itself is also a row of the database, and saving it
would cost each station page three more queries.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import cache

MAX_STATIONS = 5


def note_station(session: Any, pk: int) -> None:
    """Note that the page of a station was opened."""
    others = [known for known in recent_stations(session) if known != pk]
    cache.set(_key(session), [pk, *others][:MAX_STATIONS], settings.SESSION_COOKIE_AGE)


def recent_stations(session: Any) -> list[int]:
    """Return the keys of the stations that were opened last, the latest first. Some may no longer be visible."""
    return list(cache.get(_key(session), []))


def _key(session: Any) -> str:
    return f"recent-stations:{session.session_key}"
