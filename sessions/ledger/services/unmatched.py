"""Ends that were reported for a session but are not used: they are stored as anomalies and shown with the session."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from django.utils.dateparse import parse_datetime

from chargers.anomalies.services import record_anomaly
from chargers.models import Oddity
from sessions.ledger.models import ChargingSession

FORMER_NOTE = re.compile(r"; now (?P<at>.+) with (?P<meter>-?\d+) Wh$")  # of older anomalies, without `facts`


class OtherEnd(NamedTuple):
    """An end that was reported for a session and is not used.

    Attributes:
        transaction_id: the id that the report named.
        session_id: the session that was created from this end, if there is one.
    """

    at: datetime | None
    meter_wh: int | None
    reason: str
    transaction_id: int | None
    session_id: int | None


def record_conflicting_end(session: ChargingSession, end: ChargingSession, *, raw: str = "") -> None:
    """Record a second, different end of a session. Repeated reports are recorded once.

    Args:
        end: a session with the unused end; the session itself if its first end is about to be replaced.
        raw: the report as it was received.
    """
    _record_other_end(session, end, Oddity.Kind.CONFLICTING_STOP, session.pk, raw=raw)


def record_unmatched_end(session: ChargingSession, foreign: ChargingSession) -> None:
    """Record that an end was matched with a session by guessing, until the session's own end arrived.

    Args:
        foreign: the session that was created from the guessed end.
    """
    _record_other_end(session, foreign, Oddity.Kind.UNMATCHED_END, foreign.reported_transaction_id, other=foreign.pk)


def _record_other_end(
    session: ChargingSession,
    end: ChargingSession,
    kind: Oddity.Kind,
    transaction_id: int | None,
    *,
    other: int | None = None,
    raw: str = "",
) -> None:
    at = end.reported_stopped_at or end.stopped_at
    values = {
        "transaction_id": transaction_id,
        "at": at.isoformat() if at else None,
        "meter_wh": end.meter_stop_wh,
        "reason": end.stop_reason,
        "session": other,
    }
    if Oddity.objects.filter(station=session.station_id, kind=kind, session_id=session.pk, facts=values).exists():
        return
    beside = f" It now belongs to session {other}." if other is not None else ""
    note = f"Transaction {transaction_id} ended at {values['at']} with {end.meter_stop_wh} Wh.{beside}"
    record_anomaly(
        station_id=session.station_id,
        kind=kind,
        session_id=session.pk,
        note=note,
        facts=values,
        payload=raw or note,
    )


def other_ends(session: ChargingSession) -> list[OtherEnd]:
    """Return the ends that were reported for this session and are not used, in the order they were recorded."""
    kinds = [Oddity.Kind.CONFLICTING_STOP, Oddity.Kind.UNMATCHED_END]
    rows = Oddity.objects.filter(session_id=session.pk, station=session.station_id, kind__in=kinds).order_by("pk")
    return [end for row in rows if (end := end_from_anomaly(row)) is not None]


def end_from_anomaly(anomaly: Oddity) -> OtherEnd | None:
    """Return the end that an anomaly is about, or None if it is about something else."""
    values = anomaly.facts
    if not values and (former := FORMER_NOTE.search(anomaly.note)):
        values = {"at": former["at"], "meter_wh": int(former["meter"])}
    if "meter_wh" not in values:
        return None
    return OtherEnd(
        at=parse_datetime(values["at"] or ""),
        meter_wh=values["meter_wh"],
        reason=values.get("reason") or "",
        transaction_id=values.get("transaction_id"),
        session_id=values.get("session"),
    )
