"""Write the message log and the inbox. No other module does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from chargers.models import ChargingStation
from cpms.common.database.batches import array, server_side_cursor
from maintenance.connections.services.deviations import ObservedDeviation, count_deviations
from maintenance.messages.models import InboxEntry, Message

Link = tuple[int, int]  # station id, epoch
Direction = Message.Direction


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A CALL in either direction with its answer. One with an error code is logged but not applied.

    Attributes:
        payload: JSON text as sent.
        answer: JSON text of the CALLRESULT, or the details of the CALLERROR.
        error_code: of the CALLERROR; empty if there was none.
        deviations: rules that the call broke, whether it was refused (with an error code) or processed anyway.
    """

    station_id: int
    epoch: int
    protocol: str
    received_at: datetime
    action: str
    message_id: str
    payload: str
    answer: str = ""
    error_code: str = ""
    deviations: tuple[str, ...] = ()
    direction: str = Direction.FROM_STATION

    @property
    def is_deviating(self) -> bool:
        return bool(self.deviations)

    def message(self) -> Message:
        """Return the unsaved row of the message log."""
        return Message(
            station_id=self.station_id,
            received_at=self.received_at,
            direction=self.direction,
            action=self.action[:60],
            message_id=self.message_id[:64],
            payload=self.payload,
            answer=self.answer,
            error_code=self.error_code[:60],
            epoch=self.epoch,
            protocol=self.protocol,
            is_deviating=self.is_deviating,
        )


def log_call(call: LoggedCall) -> Message:
    """Log one call, in the caller's transaction."""
    message = call.message()
    message.save(force_insert=True)
    return message


def log_answer(*, log_id: int, answer: str, error_code: str, is_deviating: bool) -> None:
    """Add the answer of a station to a call that was sent to it."""
    Message.objects.filter(pk=log_id).update(answer=answer, error_code=error_code[:60], is_deviating=is_deviating)


def shard_of(station_id: int) -> int:
    """Return the part of the inbox in which a station's messages wait."""
    return station_id % settings.INBOX_SHARDS


def put_into_inbox(messages: Sequence[Message]) -> None:
    """Queue logged calls for the drain to apply."""
    InboxEntry.objects.bulk_create(
        InboxEntry(
            message_id=message.pk,
            station_id=message.station_id,
            shard=shard_of(message.station_id),
            protocol=message.protocol,
            received_at=message.received_at,
            is_deviating=message.is_deviating,
        )
        for message in messages
    )


def store_calls(calls: Sequence[LoggedCall]) -> set[Link]:
    """Store a batch of calls from stations in the log and the inbox.

    Returns:
        The links whose calls were stored. Calls of links that are not the newest of their station are dropped.
    """
    store = _store_postgresql if connection.vendor == "postgresql" else _store_generic
    deviating = [call for call in calls if call.deviations]
    if not deviating:
        return store(calls)
    with transaction.atomic():
        stored = store(calls)
        count_deviations(
            ObservedDeviation(call.station_id, call.action, call.error_code, rule, call.received_at)
            for call in deviating
            if (call.station_id, call.epoch) in stored
            for rule in call.deviations
        )
    return stored


_POSTGRESQL_SQL = """
WITH batch AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::varchar[], %s::timestamptz[], %s::varchar[], %s::varchar[],
                         %s::text[], %s::text[], %s::varchar[], %s::boolean[])
        WITH ORDINALITY AS g(station_id, epoch, protocol, received_at, action, message_id, payload, answer, error_code,
                             is_deviating, place)
), valid AS (
    SELECT batch.* FROM batch
    JOIN chargers_chargingstation station ON station.id = batch.station_id AND station.epoch = batch.epoch
    ORDER BY place
), stored AS (
    INSERT INTO maintenance_message
        (station_id, received_at, direction, action, message_id, payload, answer, error_code, epoch, protocol,
         is_deviating)
    SELECT station_id, received_at, 'in', action, message_id, payload, answer, error_code, epoch, protocol,
           is_deviating
    FROM valid
    RETURNING id, station_id, received_at, error_code, epoch, protocol, is_deviating
), waiting AS (
    INSERT INTO maintenance_inboxentry (message_id, station_id, shard, protocol, received_at, error, is_deviating)
    SELECT id, station_id, mod(station_id, %s), protocol, received_at, '', is_deviating
    FROM stored WHERE error_code = ''
)
SELECT DISTINCT station_id, epoch FROM stored
"""


def _store_postgresql(calls: Sequence[LoggedCall]) -> set[Link]:
    columns = [
        array(getattr(call, name) for call in calls)
        for name in ("station_id", "epoch", "protocol", "received_at", "action", "message_id", "payload", "answer",
                     "error_code", "is_deviating")
    ]  # fmt: skip
    with server_side_cursor() as cursor:
        cursor.execute(_POSTGRESQL_SQL, [*columns, settings.INBOX_SHARDS], prepare=True)
        return {(station_id, epoch) for station_id, epoch in cursor.fetchall()}


def _store_generic(calls: Sequence[LoggedCall]) -> set[Link]:
    with transaction.atomic():
        stations = ChargingStation.objects.filter(pk__in={call.station_id for call in calls})
        epochs = dict(stations.values_list("pk", "epoch"))
        valid = [call for call in calls if epochs.get(call.station_id) == call.epoch]
        messages = Message.objects.bulk_create(call.message() for call in valid)
        put_into_inbox([message for message in messages if not message.error_code])
    return {(call.station_id, call.epoch) for call in valid}
