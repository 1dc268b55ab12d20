"""Record the few settings of a station's own configuration that the system needs to know."""

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


def record_configuration(*, station_id: int, values: Mapping[str, str]) -> None:
    """Record how long a station waits for a vehicle, and its security profile.

    The profile is only ever raised: neither the station nor an attacker who impersonates it may lower the required
    encryption. Our staff can lower it.

    Args:
        values: the settings by key, as the station reported or accepted them.
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
    """Return a whole number written in ASCII digits, or None."""
    return whole_number((text or "").strip(), max_digits=10)
