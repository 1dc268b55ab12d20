"""Background tasks of sessions."""

from celery import shared_task

from sessions.insights.services import team_power
from sessions.ledger.services import closing


@shared_task(name="sessions.close_stale_sessions")
def close_stale_sessions() -> None:
    closing.close_stale_sessions()


@shared_task(name="sessions.record_team_power")
def record_team_power() -> None:
    team_power.record_team_power()
