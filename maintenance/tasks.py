from celery import shared_task

from maintenance import services


@shared_task(name="maintenance.keep_house")
def keep_house() -> None:
    services.keep_house()


@shared_task(name="maintenance.notify")
def notify() -> None:
    services.notify()


@shared_task(name="maintenance.send_alarms")
def send_alarms() -> None:
    services.send_alarms()
