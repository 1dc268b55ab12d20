from celery import shared_task

from accounts import mails, own_domains


@shared_task(name="accounts.send_mails")
def send_mails() -> None:
    mails.send_mails()


@shared_task(name="accounts.check_hosts")
def check_hosts() -> None:
    own_domains.check_hosts()
