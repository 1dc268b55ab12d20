from sessions.services.closing import close_stale_sessions
from sessions.services.ledger import StartResult, StopResult, start_session, stop_session
from sessions.services.power import record_team_power
from sessions.services.samples import Sampled, adopt_readings, check_energy, record_samples

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
]
