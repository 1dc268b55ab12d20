"""Direct calls: one message is one transaction, answered after its commit. Runs in a database thread."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from chargers.anomalies.services import record_anomaly
from chargers.models import ChargingStation, Oddity
from cpms.common.database.prepared import Prepared
from cpms.common.database.threads import is_conflict, is_storage_failure
from cpms.common.messaging.news import tell_pages
from maintenance.connections.services.deviations import ObservedDeviation, count_deviations
from maintenance.messages.services.log import LoggedCall, log_call, put_into_inbox
from maintenance.models import Message
from ocpp_gateway.codec import CallContext, Codec, Reading
from ocpp_gateway.frames import Call, Fault, FaultKind, json_text, replace_unstorable

logger = logging.getLogger(__name__)
# no_key: other transactions may still insert rows that refer to the station; otherwise the drain and we could deadlock
_locked_station = Prepared(
    lambda pk: ChargingStation.objects.select_for_update(no_key=True).filter(pk=pk).defer("password").order_by()
)


class Superseded(Exception):
    """The station has a newer connection, so this one may no longer change anything."""


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """The answer to send: the JSON text of a result, or a fault."""

    answer: str = "{}"
    fault: Fault | None = None
    is_accepted: bool = False  # whether the station is served after this call
    is_drained: bool = False  # whether the drain also processes the message


@dataclass(frozen=True, slots=True)
class _ReceivedCall:
    """A call and the parts of it that are logged."""

    call: Call
    reading: Reading | None
    payload_text: str
    protocol: str

    @property
    def rules(self) -> tuple[str, ...]:
        return (*self.call.rules, *(self.reading.rules if self.reading is not None else ()))


def answer_call(*, station_id: int, epoch: int, codec: Codec, call: Call, reading: Reading | None = None) -> CallAnswer:
    """Handle a direct call.

    A handler that fails for a reason other than the database must not block the station: the whole message is stored
    as an anomaly and answered with an internal error.

    Args:
        reading: the call as read leniently, if it violates its schema.

    Raises:
        Superseded: the link is no longer the newest one.
        Exception: the database has failed (`is_storage_failure`); nothing is stored, and the call must not be answered.
    """
    payload_text = json_text(codec.redact(call.action, call.payload))
    received = _ReceivedCall(call, reading, payload_text, codec.protocol)
    for attempt in (1, 2):
        try:
            return _handle(station_id, epoch, codec, received)
        except (Superseded, Fault):
            raise
        except Exception as error:
            if is_conflict(error) and attempt == 1:
                continue
            if is_storage_failure(error):
                raise
            logger.exception("a call failed", extra={"action": call.action, "attempt": attempt, "station": station_id})
            cause = f"{type(error).__name__}: {error}"[:2000]
    record_poison_message(station_id=station_id, action=call.action, note=cause, payload_text=payload_text)
    fault = Fault(FaultKind.INTERNAL, "The message was stored but could not be handled.", message_id=call.message_id)
    _log_received(station_id, epoch, received, "", codec.fault_codes[fault.kind])
    return CallAnswer(fault=fault, is_accepted=True)


def record_poison_message(*, station_id: int, action: str, note: str, payload_text: str) -> bool:
    """Store a message that cannot be handled as an anomaly. Always returns True."""
    record_anomaly(station_id=station_id, kind=Oddity.Kind.POISON, action=action, note=note, payload=payload_text)
    return True


@transaction.atomic
def _handle(station_id: int, epoch: int, codec: Codec, received: _ReceivedCall) -> CallAnswer:
    station = _locked_station.first(pk=station_id)
    if station is None or station.epoch != epoch:
        raise Superseded
    now = timezone.now()
    call, reading = received.call, received.reading
    context = CallContext(station=station, received_at=now, payload_text=received.payload_text)
    if reading is None:
        answer = json_text(codec.direct[call.action](context, call.payload))
    else:
        context.as_reported = reading.as_reported
        answer = json_text(codec.direct[call.action](context, reading.payload))
    message = _log_received(station_id, epoch, received, answer, "")
    is_drained = context.is_drained and codec.also_drained(call.action)
    if is_drained:
        put_into_inbox([message])
    if rules := (*received.rules, *context.deviations):
        count_deviations(ObservedDeviation(station_id, call.action, "", rule, now) for rule in rules)
    if station.last_heard_at is None or (now - station.last_heard_at).total_seconds() > 15:
        ChargingStation.objects.filter(pk=station_id).update(last_heard_at=now)
    tell_pages({station.team_id: [station_id]})
    return CallAnswer(answer=answer, is_accepted=station.is_served, is_drained=is_drained)


def _log_received(station_id: int, epoch: int, received: _ReceivedCall, answer: str, error_code: str) -> Message:
    return log_call(
        LoggedCall(
            station_id=station_id,
            epoch=epoch,
            protocol=received.protocol,
            received_at=timezone.now(),
            action=received.call.action,
            message_id=replace_unstorable(received.call.message_id),
            payload=received.payload_text,
            answer=answer,
            error_code=error_code,
            deviations=received.rules,
        )
    )
