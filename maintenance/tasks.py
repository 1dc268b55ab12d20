"""Background tasks of messages, notifications and retention."""

from celery import shared_task

from maintenance.notifications.services import alarms, notifications
from maintenance.retention import services as retention_services


@shared_task(name="maintenance.purge_expired_rows")
def purge_expired_rows() -> None:
    retention_services.purge_expired_rows()


@shared_task(name="maintenance.notify")
def notify() -> None:
    notifications.notify()


@shared_task(name="maintenance.send_alarms")
def send_alarms() -> None:
    alarms.send_alarms()
