from sessions.insights.services import record_team_power
from sessions.ledger.services.charging import charging_of
from sessions.ledger.services.closing import close_stale_sessions
from sessions.ledger.services.ends import StopResult, stop_session
from sessions.ledger.services.settling import charged_by_time, resets_of
from sessions.ledger.services.starts import StartResult, start_session
from sessions.ledger.services.unmatched import end_in, other_ends
from sessions.samples.services.matching import Sampled
from sessions.samples.services.meter import is_understood, whole_wh
from sessions.samples.services.samples import adopt_readings, record_samples
from sessions.samples.services.summing import check_energy

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
