"""What stations and tags are found by, on every page and in the API: part of a word, in any case.

Rows that belong to stations or tags are found in two steps: the stations and tags first, then by their keys. Joined to
them, a table of a million rows would be read from one end to the other.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from cpms.common.text.typed import without_nul

MAX_WORDS = 5


MAX_KEYS = 500


NAME_COLUMNS = ("identity", "name", "installation__name", "installation__street", "installation__city")


STATION_COLUMNS = (*NAME_COLUMNS, "serial_number", "charge_box_serial_number")


def contains_words(text: str, *columns: str) -> Q:
    """Return the condition that each word of a text is part of one of the columns."""
    wanted = Q()
    for word in without_nul(text).split()[:MAX_WORDS]:
        found = Q()
        for column in columns:
            found |= Q(**{f"{column}__icontains": word})
        wanted &= found
    return wanted


def search_stations(stations: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return those of the stations whose identity, name, serial number or place holds a text."""
    return stations.filter(contains_words(text, *STATION_COLUMNS))


def stations_named(stations: QuerySet[Any], text: str) -> QuerySet[Any]:
    """The same by identity, name or place alone, for what is also found by numbers of its own."""
    return stations.filter(contains_words(text, *NAME_COLUMNS))


def of_any(column: str, found: QuerySet[Any]) -> Q:
    """Return the condition that a foreign key points to a row that was found.

    Few keys are looked up in an index. Many are compared row by row: then so many rows fit that a page is full soon.
    """
    keys = list(found.order_by().values_list("pk", flat=True)[: MAX_KEYS + 1])
    if len(keys) > MAX_KEYS:
        return Q(**{f"{column}__in": found.order_by().values("pk")})
    return Q(**{f"{column}__among": keys})
