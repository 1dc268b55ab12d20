"""Times in OCPP 1.6: reads ISO 8601, writes UTC with milliseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

FIRST_YEAR, LAST_YEAR = 2, 9998
_MOMENT = re.compile(
    r"(\d{4,9})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?"
)


def read_moment(text: str) -> datetime:
    """Return an aware UTC time. A missing time zone is read as UTC, as OCPP recommends (section 3.13).

    Raises:
        ValueError: the text is not a time, or its year is not between 2 and 9998. Implausible years within this range
            are accepted: a session of a station whose clock was never set is flagged, not lost.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not an ISO 8601 time")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise ValueError(f"the year is not between {FIRST_YEAR} and {LAST_YEAR}")
    whole = int(second or 0)
    leap = whole == 60  # a leap second, which Python cannot represent
    moment = datetime(
        int(year), int(month), int(day), int(hour), int(minute), 59 if leap else whole,
        int((fraction or "0")[:6].ljust(6, "0")), tzinfo=_zone(zone),
    )  # fmt: skip
    return (moment + timedelta(seconds=leap)).astimezone(UTC)


def _zone(text: str | None) -> timezone:
    if text in (None, "Z", "z"):
        return UTC
    assert text is not None  # noqa: S101 - for the type checker
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset > timedelta(hours=18):
        raise ValueError("the zone is more than 18 hours from UTC")
    return timezone(-offset if text[0] == "-" else offset)


def moment_in(payload: Mapping[str, Any]) -> datetime | None:
    """Return the timestamp of a message or a meter value, or None if it has none."""
    text = payload.get("timestamp")
    return read_moment(text) if text else None


def is_moment(text: str) -> bool:
    try:
        read_moment(text)
    except (ValueError, OverflowError):
        return False
    return True


def write_moment(moment: datetime) -> str:
    """Format a time with milliseconds: some stations cannot read more digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
