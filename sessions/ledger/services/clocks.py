"""Which time counts: the station's own, or the time of arrival where the station's cannot be or is missing."""

from __future__ import annotations

from datetime import datetime, timedelta

from sessions.ledger.models import ChargingSession, Flag

FIRST_YEAR = 2015  # OCPP 1.6 is from then: a clock that shows less was never set
CLOCK_SLACK = timedelta(minutes=5)
LATE = timedelta(minutes=2)  # a report older than this when it arrives was recorded while the station was offline
LONGEST = timedelta(hours=72)  # a session that lasts longer is not matched by guessing

# Keys of `as_reported` that say where a figure comes from which the station did not report.
STARTED_FROM, STOPPED_FROM = "started_at_source", "stopped_at_source"
METER_START_FROM, METER_STOP_FROM = "meter_start_source", "meter_stop_source"
ARRIVAL, READING = "arrival", "reading"
OF_END = ("meter_stop", "stopped_at", "stop_")  # how keys begin that belong to the end


def is_absurd(at: datetime, received_at: datetime) -> bool:
    """Whether no clock can have shown this: before OCPP 1.6, or ahead of the time of arrival."""
    return at.year < FIRST_YEAR or at - received_at > CLOCK_SLACK


def time_that_counts(told: datetime | None, received_at: datetime) -> tuple[datetime, datetime | None]:
    """Return the time that counts, and the station's own one where that is another."""
    if told is None:
        return received_at, None
    return (received_at, told) if is_absurd(told, received_at) else (told, None)


def is_derived(session: ChargingSession, key: str) -> bool:
    """Whether the station did not report this figure."""
    return key in session.as_reported


def flag_sources(session: ChargingSession) -> None:
    """Set or remove the flags about clocks and about what was not reported."""
    clock = session.reported_started_at is not None or session.reported_stopped_at is not None
    clock = clock or session.started_at.year < FIRST_YEAR  # it is from before the time of arrival was used instead
    set_flag(session, Flag.CLOCK, clock)
    set_flag(session, Flag.TIME_MISSING, is_derived(session, STARTED_FROM) or is_derived(session, STOPPED_FROM))
    is_missing = is_derived(session, METER_START_FROM) or is_derived(session, METER_STOP_FROM)
    set_flag(session, Flag.METER_MISSING, is_missing)


def set_flag(session: ChargingSession, flag: Flag, contains_words: bool) -> None:
    """Set or remove a flag; the caller saves `flags` and `has_flags`."""
    if contains_words:
        session.add_flag(flag)
    elif flag.value in session.flags:
        session.flags = [each for each in session.flags if each != flag.value]
        session.has_flags = bool(session.flags)
