"""What the system needs to know of a station's own configuration, kept when the station tells it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from chargers.stations.models import ChargingStation
from chargers.vocabulary import ConfigurationKey
from cpms.common.text.typed import whole_number

CONNECTION_TIMEOUT, SECURITY_PROFILE = (
    ConfigurationKey.CONNECTION_TIMEOUT.lower(),
    ConfigurationKey.SECURITY_PROFILE.lower(),
)
MAX_SECONDS = 2**31 - 1
MAX_PROFILE = 3


def note_configuration(*, station_id: int, values: Mapping[str, str]) -> None:
    """Keep how long a station waits for a vehicle, and the security profile it is set to.

    A profile is only ever raised: a station, or who speaks in its name, must not talk us out of encryption. Our staff
    can lower it.

    Args:
        values: by key, as the station reported or accepted them.
    """
    known = {key.strip().lower(): value for key, value in values.items()}
    station = ChargingStation.objects.filter(pk=station_id)
    seconds = _whole(known.get(CONNECTION_TIMEOUT))
    if seconds is not None and seconds <= MAX_SECONDS:
        station.update(connection_timeout_seconds=seconds)
    profile = _whole(known.get(SECURITY_PROFILE))
    if profile is not None and profile <= MAX_PROFILE:
        station.filter(Q(security_profile=None) | Q(security_profile__lt=profile)).update(security_profile=profile)


def _whole(text: str | None) -> int | None:
    """A whole number of ASCII digits; what is no number tells nothing."""
    return whole_number((text or "").strip(), max_digits=10)
