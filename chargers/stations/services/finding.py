"""Search stations and tags by parts of words in any case, on every page and in the API.

Rows that belong to stations or tags are searched in two steps: first the stations or tags, then their rows by key.
With a join, a table of a million rows would be read from start to end.
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
    """Return the stations whose identity, name, serial number or place contains all words of a text."""
    return stations.filter(contains_words(text, *STATION_COLUMNS))


def stations_named(stations: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return the stations whose identity, name or place contains all words of a text, without their serial numbers."""
    return stations.filter(contains_words(text, *NAME_COLUMNS))


def of_any(column: str, found: QuerySet[Any]) -> Q:
    """Return the condition that a foreign key points to one of the rows found.

    Few keys are looked up in an index. Many keys are compared row by row: then so many rows match that a page is soon
    full.
    """
    keys = list(found.order_by().values_list("pk", flat=True)[: MAX_KEYS + 1])
    if len(keys) > MAX_KEYS:
        return Q(**{f"{column}__in": found.order_by().values("pk")})
    return Q(**{f"{column}__among": keys})
