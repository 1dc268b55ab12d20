from celery import shared_task

from accounts import mails


@shared_task(name="accounts.send_mails")
def send_mails() -> None:
    mails.send_mails()
