from celery import shared_task

from accounts.mails.services import mails
from accounts.programs.services import programs
from accounts.team_settings.services import own_domains


@shared_task(name="accounts.send_mails")
def send_mails() -> None:
    mails.send_mails()


@shared_task(name="accounts.check_hosts")
def check_hosts() -> None:
    own_domains.check_hosts()


@shared_task(name="accounts.check_program_keys")
def check_program_keys() -> None:
    programs.check_program_keys()
