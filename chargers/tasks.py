"""Background tasks of stations."""

from celery import shared_task

from chargers.credentials import services as credentials_services
from chargers.stations.services import links
from chargers.stations.services.offline import record_offline_stations


@shared_task(name="chargers.close_links_of_dead_nodes")
def close_links_of_dead_nodes() -> None:
    links.close_links_of_dead_nodes()
    record_offline_stations()


@shared_task(name="chargers.hash_passwords")
def hash_passwords() -> None:
    credentials_services.hash_passwords()
