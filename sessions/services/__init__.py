from sessions.services.closing import close_stale_sessions
from sessions.services.ends import StopResult, stop_session
from sessions.services.ledger import StartResult, start_session
from sessions.services.matching import Sampled
from sessions.services.meter import whole_wh
from sessions.services.power import record_team_power
from sessions.services.samples import adopt_readings, record_samples
from sessions.services.summing import check_energy

__all__ = [
    "Sampled",
    "StartResult",
    "StopResult",
    "adopt_readings",
    "check_energy",
    "close_stale_sessions",
    "record_samples",
    "record_team_power",
    "start_session",
    "stop_session",
    "whole_wh",
]
