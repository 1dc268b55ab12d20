from celery import shared_task

from chargers import services
from chargers.services import grant_mails


@shared_task(name="chargers.close_links_of_dead_nodes")
def close_links_of_dead_nodes() -> None:
    services.close_links_of_dead_nodes()


@shared_task(name="chargers.hash_passwords")
def hash_passwords() -> None:
    services.hash_passwords()


@shared_task(name="chargers.mail_about_grant")
def mail_about_grant(grant_id: int, what: str) -> None:
    grant_mails.mail_about_grant(grant_id, what)
