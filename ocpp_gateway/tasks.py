from celery import shared_task

from ocpp_gateway.drain import drain as drain_shard
from ocpp_gateway.drain import drain_all as drain_every_shard


@shared_task(name="ocpp_gateway.drain")
def drain(shard: int) -> None:
    drain_shard(shard)


@shared_task(name="ocpp_gateway.drain_all")
def drain_all() -> None:
    drain_every_shard()
