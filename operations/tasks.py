"""Background tasks of commands."""

from celery import shared_task

from operations.commands.services import settling


@shared_task(name="operations.settle_overdue_commands")
def settle_overdue_commands() -> None:
    settling.settle_overdue_commands()
