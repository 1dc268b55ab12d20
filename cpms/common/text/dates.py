"""The range of accepted dates: far from the ends of the calendar, where time zone conversions fail."""

from __future__ import annotations

from datetime import date

FIRST_YEAR, LAST_YEAR = 1970, 2999


def is_sensible(day: date) -> bool:
    return FIRST_YEAR <= day.year <= LAST_YEAR
