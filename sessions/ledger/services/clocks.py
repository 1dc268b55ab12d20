"""Decide which time to use: the station's own, or the time of arrival where that is implausible or missing."""

from __future__ import annotations

from datetime import datetime, timedelta

from sessions.ledger.models import ChargingSession, Flag

FIRST_YEAR = 2015  # OCPP 1.6 was published then: a clock that shows an earlier year was never set
CLOCK_SLACK = timedelta(minutes=5)
OFFLINE_DELAY = timedelta(minutes=2)  # a report that arrives later than this was recorded while the station was offline
MAX_MATCHED_DURATION = timedelta(hours=72)  # longer sessions are never matched by connector, tag, meter and time

# Keys of `as_reported` for figures that the station did not report. The value says where the figure comes from:
# the time of arrival, or the nearest meter reading.
STARTED_FROM, STOPPED_FROM = "started_at_source", "stopped_at_source"
METER_START_FROM, METER_STOP_FROM = "meter_start_source", "meter_stop_source"
ARRIVAL, READING = "arrival", "reading"
END_KEY_PREFIXES = ("meter_stop", "stopped_at", "stop_")  # of the keys that belong to the end of the session


def is_implausible_time(at: datetime, received_at: datetime) -> bool:
    """Return whether no correct clock can have shown this time: it is before OCPP 1.6 or later than its arrival."""
    return at.year < FIRST_YEAR or at - received_at > CLOCK_SLACK


def effective_time(station_time: datetime | None, received_at: datetime) -> tuple[datetime, datetime | None]:
    """Return the time to use, and the station's own time if it was implausible and therefore not used.

    Args:
        station_time: by the station's clock; None if it was missing or unreadable.
    """
    if station_time is None:
        return received_at, None
    return (received_at, station_time) if is_implausible_time(station_time, received_at) else (station_time, None)


def is_derived(session: ChargingSession, key: str) -> bool:
    """Return whether the station did not report this figure, so that it was taken from elsewhere.

    Args:
        key: one of STARTED_FROM, STOPPED_FROM, METER_START_FROM and METER_STOP_FROM.
    """
    return key in session.as_reported


def flag_sources(session: ChargingSession) -> None:
    """Set or remove the flags about wrong clocks and missing times and meter values; the caller saves the session."""
    is_clock_wrong = session.reported_started_at is not None or session.reported_stopped_at is not None
    # Sessions stored before the time of arrival replaced implausible times still have the station's time.
    is_clock_wrong = is_clock_wrong or session.started_at.year < FIRST_YEAR
    set_flag(session, Flag.CLOCK, is_clock_wrong)
    set_flag(session, Flag.TIME_MISSING, is_derived(session, STARTED_FROM) or is_derived(session, STOPPED_FROM))
    is_missing = is_derived(session, METER_START_FROM) or is_derived(session, METER_STOP_FROM)
    set_flag(session, Flag.METER_MISSING, is_missing)


def set_flag(session: ChargingSession, flag: Flag, is_set: bool) -> None:
    """Set or remove a flag; the caller saves `flags` and `has_flags`."""
    if is_set:
        session.add_flag(flag)
    elif flag.value in session.flags:
        session.flags = [each for each in session.flags if each != flag.value]
        session.has_flags = bool(session.flags)
