from celery import shared_task

from operations.commands.services import settling as services


@shared_task(name="operations.settle_overdue_commands")
def settle_overdue_commands() -> None:
    services.settle_overdue_commands()
