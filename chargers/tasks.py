from celery import shared_task

from chargers import services
from chargers.events.services import record_offline_stations


@shared_task(name="chargers.close_links_of_dead_nodes")
def close_links_of_dead_nodes() -> None:
    services.close_links_of_dead_nodes()
    record_offline_stations()


@shared_task(name="chargers.hash_passwords")
def hash_passwords() -> None:
    services.hash_passwords()
