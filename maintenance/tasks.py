from celery import shared_task

from maintenance.notifications.services import alarms, notifications
from maintenance.retention import services as retention_services


@shared_task(name="maintenance.keep_house")
def keep_house() -> None:
    retention_services.keep_house()


@shared_task(name="maintenance.notify")
def notify() -> None:
    notifications.notify()


@shared_task(name="maintenance.send_alarms")
def send_alarms() -> None:
    alarms.send_alarms()
