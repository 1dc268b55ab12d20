"""Detect that card numbers are being tried at a station: many unknown cards within a minute.

The counter is in the station's row, which the call has read and locked anyway. So known cards cost no query, and all
gateway processes share the counter.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chargers.stations.models import ChargingStation

MAX_UNKNOWN = 10
PERIOD = timedelta(minutes=1)


def is_card_search(*, station: ChargingStation, at: datetime) -> bool:
    """Return whether too many unknown cards were presented: then no card is looked up until the minute is over."""
    return station.unknown_cards > MAX_UNKNOWN and _is_counting(station, at)


def record_unknown_card(*, station: ChargingStation, at: datetime) -> bool:
    """Count an unknown card. Returns whether this card exceeded the limit.

    Args:
        station: locked by the caller.
    """
    if _is_counting(station, at):
        station.unknown_cards += 1
    else:
        station.unknown_cards, station.unknown_cards_since = 1, at
    ChargingStation.objects.filter(pk=station.pk).update(
        unknown_cards=station.unknown_cards, unknown_cards_since=station.unknown_cards_since
    )
    return station.unknown_cards == MAX_UNKNOWN + 1


def _is_counting(station: ChargingStation, at: datetime) -> bool:
    since = station.unknown_cards_since
    return since is not None and timedelta(0) <= at - since < PERIOD
