"""Somebody who tries card numbers at a station: many unknown ones within a minute.

The counter is in the station's row, which a call has locked and read already, so that known cards cost nothing and all
gateway processes count together.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chargers.stations.models import ChargingStation

MAX_UNKNOWN = 10
PERIOD = timedelta(minutes=1)


def is_card_search(*, station: ChargingStation, at: datetime) -> bool:
    """Whether so many unknown cards were shown at the station that none is looked up until the minute is over."""
    return station.unknown_cards > MAX_UNKNOWN and _is_counting(station, at)


def note_unknown_card(*, station: ChargingStation, at: datetime) -> bool:
    """Count a card that nobody knows. Returns whether it is the one too many.

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
