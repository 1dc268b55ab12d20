from celery import shared_task

from sessions import services


@shared_task(name="sessions.close_stale_sessions")
def close_stale_sessions() -> None:
    services.close_stale_sessions()


@shared_task(name="sessions.record_team_power")
def record_team_power() -> None:
    services.record_team_power()
