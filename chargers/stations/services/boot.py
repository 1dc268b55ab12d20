"""Record that a station has restarted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import F

from chargers.stations.models import ChargingStation

BOOT_FIELDS = (
    "vendor",
    "model",
    "serial_number",
    "charge_box_serial_number",
    "firmware_version",
    "iccid",
    "imsi",
    "meter_type",
    "meter_serial_number",
)


def record_boot(*, station: ChargingStation, values: Mapping[str, str], at: datetime) -> str:
    """Record what the station reports about itself and decide whether it is served.

    Args:
        station: locked by the caller.
        values: by the names in BOOT_FIELDS; fields that were not reported become empty.

    Returns:
        the registration: accepted for a station of a team, pending for one in the pool, rejected if our staff rejected
        it.
    """
    for name in BOOT_FIELDS:
        setattr(station, name, values.get(name, "")[:255])
    if station.registration != ChargingStation.Registration.REJECTED:
        station.registration = (
            ChargingStation.Registration.ACCEPTED if station.team_id else ChargingStation.Registration.PENDING
        )
    station.booted_at = station.last_heard_at = at
    registration = station.registration
    station.boot_count = F("boot_count") + 1
    station.save(update_fields=[*BOOT_FIELDS, "registration", "booted_at", "last_heard_at", "boot_count"])
    return str(registration)
