from sessions.services.charging import charging_of
from sessions.services.closing import close_stale_sessions
from sessions.services.ends import StopResult, stop_session
from sessions.services.ledger import StartResult, start_session
from sessions.services.matching import Sampled
from sessions.services.meter import is_understood, whole_wh
from sessions.services.power import record_team_power
from sessions.services.samples import adopt_readings, record_samples
from sessions.services.settling import charged_by_time, resets_of
from sessions.services.summing import check_energy
from sessions.services.unmatched import end_in, other_ends

__all__ = [
    "Sampled",
    "StartResult",
    "StopResult",
    "adopt_readings",
    "charged_by_time",
    "charging_of",
    "check_energy",
    "close_stale_sessions",
    "end_in",
    "is_understood",
    "other_ends",
    "record_samples",
    "record_team_power",
    "resets_of",
    "start_session",
    "stop_session",
    "whole_wh",
]
