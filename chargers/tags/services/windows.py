"""Weekly time windows in which a tag is valid.

A window is stored as {"days": [1, 2], "from": "07:00", "to": "19:00"}, with 1 for Monday and 7 for Sunday. If it ends
at or before its start, it ends on the next day. Windows follow the wall clock of the place, so on a day when the clock
changes, a window lasts an hour less or more.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from cpms.common.errors import refuse

MAX_WINDOWS = 20
DAYS = range(1, 8)
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
KEYS = {"days", "from", "to"}
SEPARATOR = "|"
WINDOW = re.compile(r"(?P<days>[1-7](-[1-7])?(,[1-7](-[1-7])?)*) (?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")


@lru_cache
def zone_named(name: str | None) -> tzinfo:
    """Return the time zone of an installation; without a name, the one of this system."""
    return zoneinfo.ZoneInfo(name or settings.DISPLAY_TIME_ZONE)


def is_within(windows: Sequence[Mapping[str, Any]], at: datetime, zone: tzinfo) -> bool:
    """Return whether a time is in one of the windows; without windows, every time is."""
    if not windows:
        return True
    local = at.astimezone(zone)
    today, now = local.isoweekday(), f"{local:%H:%M}"
    yesterday = today - 1 or 7
    for window in windows:
        days, start, end = window["days"], window["from"], window["to"]
        if start < end:
            is_inside = today in days and start <= now < end
        else:
            is_inside = (today in days and now >= start) or (yesterday in days and now < end)
        if is_inside:
            return True
    return False


def checked_windows(windows: Any) -> list[dict[str, Any]]:
    """Return windows in the form in which they are stored: days sorted, midnight at the end of a day as 00:00.

    Raises:
        DomainError: a window is not readable, has no days, or there are too many.
    """
    if not isinstance(windows, (list, tuple)):
        refuse("time_windows", _("Time windows must be a list."))
    if len(windows) > MAX_WINDOWS:
        refuse("time_windows", _("At most %(most)d time windows.") % {"most": MAX_WINDOWS})
    return [_checked(window) for window in windows]


def _checked(window: Any) -> dict[str, Any]:
    if not isinstance(window, Mapping) or set(window) != KEYS:
        refuse("time_windows", _("A time window has exactly the keys days, from and to."))
    days, start, end = window["days"], window["from"], window["to"]
    if not isinstance(days, (list, tuple)) or not days:
        refuse("time_windows", _("Choose at least one day for each time window."))
    if any(isinstance(day, bool) or not isinstance(day, int) or day not in DAYS for day in days):
        refuse("time_windows", _("Days are numbers from 1 (Monday) to 7 (Sunday)."))
    end = "00:00" if end == "24:00" else end
    if not all(isinstance(text, str) and TIME.fullmatch(text) for text in (start, end)):
        refuse("time_windows", _("Enter the times of a window as hours and minutes, for example 07:30."))
    return {"days": sorted(set(days)), "from": start, "to": end}


def windows_as_text(windows: Sequence[Mapping[str, Any]]) -> str:
    """Return windows as one cell of a file, such as `1,2,3 07:00-19:00 | 6 08:00-12:00`."""
    return f" {SEPARATOR} ".join(
        f"{','.join(map(str, window['days']))} {window['from']}-{window['to']}" for window in windows
    )


def windows_from_text(text: str) -> list[dict[str, Any]]:
    """Read the cell of a file; days may be ranges such as `1-5`.

    Raises:
        DomainError: the text is not readable.
    """
    return checked_windows([_window_from_text(part.strip()) for part in text.split(SEPARATOR) if part.strip()])


def _window_from_text(text: str) -> dict[str, Any]:
    match = WINDOW.fullmatch(text)
    if match is None:
        refuse("time_windows", _("Write time windows like this: 1-5 07:00-19:00 | 6,7 08:00-12:00"))
    days: list[int] = []
    for part in match["days"].split(","):
        first, _dash, last = part.partition("-")
        days += range(int(first), int(last or first) + 1)
    return {"days": days, "from": match["start"], "to": match["end"]}
