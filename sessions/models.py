"""Re-export the models of this app for other apps and for Django."""

from sessions.insights.models import TeamPower
from sessions.ledger.models import FLAGS_THAT_STOP_BILLING, ChargingSession, Flag
from sessions.samples.models import MeterReading

__all__ = ["FLAGS_THAT_STOP_BILLING", "ChargingSession", "Flag", "MeterReading", "TeamPower"]
