"""Calls of domain services for direct calls: the part of a handler that all OCPP versions share.

A handler reads its payload, calls one of these functions and builds the answer.
"""

from __future__ import annotations

from datetime import datetime

from chargers.stations.services import boot as boot_services
from chargers.tags.services import authorization, card_search, refusals
from chargers.tags.services.authorization import Verdict
from chargers.vocabulary import StopReason, TagVerdict
from maintenance.security_events import services as maintenance
from ocpp_gateway.codec import CallContext
from operations.commands.services import settling
from sessions.ledger.services import ends, starts
from sessions.ledger.services.starts import StartResult
from sessions.models import Flag

MAX_TEXT_LENGTH = 255  # of the columns that store a station's own identifiers


def boot(context: CallContext, **values: str) -> str:
    """Record the device data of a booting station and return its registration, one of `RegistrationStatus`.

    Args:
        values: device data by the names in `chargers.stations.services.boot.BOOT_FIELDS`.
    """
    registration = boot_services.record_boot(station=context.station, values=values, at=context.received_at)
    settling.confirm_reset(station_id=context.station.pk)
    return registration


def authorize(context: CallContext, id_tag: str) -> Verdict:
    """Decide whether a tag may charge. During a suspected search for valid card numbers, all cards are invalid.

    That protection applies to Authorize only, never to starts and ends of sessions.
    """
    station, at = context.station, context.received_at
    if card_search.is_card_search(station=station, at=at):
        return Verdict(TagVerdict.INVALID)
    verdict = authorization.authorize_tag(station=station, value=id_tag)
    refusals.record_refusal(station=station, value=id_tag[:MAX_TEXT_LENGTH], verdict=verdict, at=at)
    if verdict.tag is None and card_search.record_unknown_card(station=station, at=at):
        maintenance.record_card_search(station=station, at=at)
    return verdict


def start(
    context: CallContext,
    *,
    connector: int,
    id_tag: str,
    meter_wh: int | None,
    at: datetime | None,
    clock_rule: str = "",
) -> StartResult:
    """Start a session.

    Args:
        meter_wh: meter reading in Wh, if reported.
        at: start by the station's clock; None if not reported.
        clock_rule: the deviation to record if that clock is implausible.
    """
    result = starts.start_session(
        station=context.station,
        connector=connector,
        id_tag=id_tag[:MAX_TEXT_LENGTH],
        meter_start_wh=meter_wh,
        started_at=at,
        received_at=context.received_at,
        as_reported=context.as_reported,
    )
    if result.is_new:
        settling.link_started_session(result.session)
        if clock_rule and Flag.CLOCK in result.session.flags:
            context.deviations.append(clock_rule)
    return result


def stop(
    context: CallContext,
    *,
    transaction: int,
    meter_wh: int | None,
    at: datetime | None,
    connector: int | None = None,
    reason: str = StopReason.LOCAL.value,
    id_tag: str = "",
    unknown_rule: str = "",
) -> Verdict | None:
    """End a session. Return the verdict about the tag that ended it, or None if no tag was used.

    Args:
        meter_wh: meter reading in Wh, if reported.
        at: end by the station's clock; None if not reported.
        unknown_rule: the deviation to record if the transaction is unknown.
    """
    id_tag = id_tag[:MAX_TEXT_LENGTH]
    result = ends.stop_session(
        station=context.station,
        transaction_id=transaction,
        connector=connector,
        meter_stop_wh=meter_wh,
        stopped_at=at,
        received_at=context.received_at,
        reason=reason,
        id_tag=id_tag,
        raw=context.payload_text,
        as_reported=context.as_reported,
    )
    context.is_drained = not result.is_of_predecessor
    if result.session is not None and result.is_new:
        settling.link_stopped_session(result.session)
        if unknown_rule and Flag.RECONSTRUCTED in result.session.flags:
            context.deviations.append(unknown_rule)
    return authorization.authorize_tag(station=context.station, value=id_tag) if id_tag else None
