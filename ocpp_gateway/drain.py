"""The drain: applies the messages in the inbox in batches, in order per station. It is safe to run at any time.

One worker at a time holds a shard. A batch is one transaction: reports are applied and their inbox entries deleted
together. If a batch fails, its messages are applied one by one; a message that fails on its own is set aside with its
error, stays visible and does not block later ones.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chargers.stations.services import links, statuses
from chargers.stations.services.links import StationSeen
from cpms.common.database.batches import delete_rows
from cpms.common.database.prepared import Prepared, among
from cpms.common.database.threads import is_storage_failure
from cpms.common.messaging.news import tell_pages
from maintenance.diagnostics import services as diagnostics_services
from maintenance.models import InboxEntry, InboxShard, Message
from maintenance.security_events import services as security_events_services
from ocpp_gateway import codec
from ocpp_gateway.codec import InboxMessage, Reports
from ocpp_gateway.link.wakeup import clear_wake_request, wake_drain
from operations.commands.services import settling
from sessions.models import ChargingSession
from sessions.samples.services import samples, summing

logger = logging.getLogger(__name__)
BATCH_SIZE = 500
MAX_RETRIES, RETRY_SECONDS = 3, 0.03
GATHER_SECONDS = 0.15  # a batch costs about the same for one message as for a hundred
TURN_SECONDS = 2.0  # then other tasks get a turn, and the shard requests another one

Work = tuple[InboxMessage, str]  # a message and its OCPP version


@Prepared
def _lock(shard: Any) -> QuerySet[InboxShard, tuple[int]]:
    rows = InboxShard.objects.select_for_update(skip_locked=True).filter(number=shard)
    return rows.values_list("number")


@Prepared
def _waiting(shard: Any) -> QuerySet[InboxEntry, tuple[int, datetime, str, bool]]:
    rows = InboxEntry.objects.filter(shard=shard, failed_at__isnull=True).order_by("message_id")
    return rows.values_list("message_id", "received_at", "protocol", "is_deviating")[:BATCH_SIZE]


@Prepared
def _messages(ids: Any, first: Any, last: Any) -> QuerySet[Message, tuple[int, int, datetime, str, str]]:
    """Read messages by id. The time bounds let PostgreSQL skip most partitions."""
    rows = Message.objects.filter(among("id", ids), received_at__gte=first, received_at__lte=last).order_by("pk")
    return rows.values_list("pk", "station_id", "received_at", "action", "payload")


@Prepared
def _ended(station_ids: Any, transaction_ids: Any) -> QuerySet[ChargingSession, tuple[int]]:
    """Find the sessions of reported transaction ids: our own ids, or ids that the station generated itself."""
    own = ChargingSession.objects.filter(among("id", transaction_ids), among("station_id", station_ids))
    foreign = ChargingSession.objects.filter(
        among("reported_transaction_id", transaction_ids),
        among("station_id", station_ids),
        reported_transaction_id__isnull=False,
    )
    return own.order_by().values_list("pk").union(foreign.order_by().values_list("pk"))


def drain(shard: int) -> int:
    """Apply the messages of a shard until none are left or its turn is over. Return the number of applied messages.

    If another worker holds the shard, try again shortly: that worker may just have made its final check.
    """
    InboxShard.objects.get_or_create(number=shard)
    total, locked_out, until = 0, 0, time.monotonic() + TURN_SECONDS
    is_final_check = False
    while time.monotonic() < until:
        count = _drain_batch(shard)
        if count == 0:
            if is_final_check:
                return total
            clear_wake_request(shard)
            is_final_check = True
            continue
        is_final_check = False
        if count is None:
            locked_out += 1
            if locked_out > MAX_RETRIES:
                return total
        total += count or 0
        if count != BATCH_SIZE:
            time.sleep(GATHER_SECONDS if count else RETRY_SECONDS)
    wake_drain(shard, again=True)
    return total


def drain_all() -> int:
    """Drain every shard with entries, including those left behind by a crash. Runs periodically."""
    shards = set(InboxEntry.objects.filter(failed_at__isnull=True).values_list("shard", flat=True).distinct())
    return sum(drain(shard) for shard in sorted(shards))


def _drain_batch(shard: int) -> int | None:
    """Apply one batch and return its size, or None if another worker holds the shard."""
    work: list[Work] = []
    try:
        with transaction.atomic():
            if not _lock(shard=shard):
                return None
            work = _read(shard)
            if not work:
                return 0
            heard = _apply(work)
            delete_rows("maintenance_inboxentry", "message_id", [message.id for message, _protocol in work])
        _record_heard(heard)
    except Exception as error:
        if is_storage_failure(error) or not work:
            raise
        logger.warning("a batch of the inbox failed and is applied one by one", exc_info=True)
        for message, protocol in work:
            _apply_alone(shard, message, protocol)
    return len(work)


def _read(shard: int) -> list[Work]:
    entries = _waiting(shard=shard)
    if not entries:
        return []
    times = [received_at for _id, received_at, _protocol, _is_deviating in entries]
    known = {message_id: (protocol, is_deviating) for message_id, _at, protocol, is_deviating in entries}
    return [
        (InboxMessage(pk, station_id, received_at, action, orjson.loads(payload), known[pk][1]), known[pk][0])
        for pk, station_id, received_at, action, payload in _messages(
            ids=list(known), first=min(times), last=max(times)
        )
    ]


def _apply_alone(shard: int, message: InboxMessage, protocol: str) -> None:
    entry = InboxEntry.objects.filter(message_id=message.id)
    try:
        with transaction.atomic():
            list(InboxShard.objects.select_for_update().filter(number=shard))
            if entry.filter(failed_at__isnull=True).exists():
                heard = _apply([(message, protocol)])
                entry.delete()
                _record_heard(heard)
    except Exception as error:
        if is_storage_failure(error):
            raise
        logger.exception("a message of the inbox cannot be applied", extra={"log": message.id})
        entry.update(failed_at=timezone.now(), error=f"{type(error).__name__}: {error}"[:2000])


def _apply(work: list[Work]) -> list[StationSeen]:
    """Translate and apply messages. Rows are locked in the same order everywhere: stations, connectors, sessions.

    Returns:
        when each station was last heard. The caller stores this after the commit: within the transaction it would lock
        the stations' rows for the whole batch and block starts and ends of sessions.
    """
    reports = Reports()
    for message, protocol in work:
        codec.by_protocol(protocol).report(message, reports)
    fresh = statuses.record_statuses(reports.statuses) if reports.statuses else []
    if fresh:
        settling.confirm_availability({(r.station_id, r.connector): r.status for r in fresh})
    if reports.progress:
        diagnostics_services.record_progress(reports.progress)
    if reports.security:
        security_events_services.record_security_events(reports.security)
    changed = samples.record_samples(reports.samples) if reports.samples else set()
    changed |= _stopped(reports)
    if changed:
        summing.settle_ended_sessions(changed)
    return reports.heard


def _record_heard(heard: list[StationSeen]) -> None:
    teams = links.record_stations_seen(heard)
    news: dict[int | None, list[int]] = defaultdict(list)
    for station_id, team_id in teams.items():
        news[team_id].append(station_id)
    tell_pages(news)


def _stopped(reports: Reports) -> set[int]:
    if not reports.stopped_sessions:
        return set()
    stations = {station_id for station_id, _transaction in reports.stopped_sessions}
    ids = {transaction_id for _station, transaction_id in reports.stopped_sessions}
    adopted = samples.adopt_readings(reports.stopped_sessions)
    return adopted | {pk for (pk,) in _ended(station_ids=stations, transaction_ids=ids)}
