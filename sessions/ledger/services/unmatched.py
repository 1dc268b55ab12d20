"""Ends that do not count are kept beside the session that they were reported for, and are shown there."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from django.utils.dateparse import parse_datetime

from chargers.anomalies.services import record_anomaly
from chargers.models import Oddity
from sessions.ledger.models import ChargingSession

FORMER_NOTE = re.compile(r"; now (?P<at>.+) with (?P<meter>-?\d+) Wh$")  # of rows that have no facts yet


class OtherEnd(NamedTuple):
    """An end that was reported for a session and does not count.

    Attributes:
        session_id: the session that it is now, where it is one of its own.
        transaction_id: by which it was matched with this session.
    """

    at: datetime | None
    meter_wh: int | None
    reason: str
    transaction_id: int | None
    session_id: int | None


def keep_conflicting_end(session: ChargingSession, end: ChargingSession, *, raw: str = "") -> None:
    """Keep a second, different end of a session. The same one again is kept once.

    Args:
        end: a session that ended so; the session itself where it is its first end that gives way.
        raw: the report as it was received.
    """
    _keep(session, end, Oddity.Kind.CONFLICTING_STOP, session.pk, raw=raw)


def keep_unmatched_end(session: ChargingSession, foreign: ChargingSession) -> None:
    """Keep that an end was matched with a session by guessing until its own one came."""
    _keep(session, foreign, Oddity.Kind.UNMATCHED_END, foreign.reported_transaction_id, other=foreign.pk)


def _keep(
    session: ChargingSession,
    end: ChargingSession,
    kind: Oddity.Kind,
    transaction_id: int | None,
    *,
    other: int | None = None,
    raw: str = "",
) -> None:
    at = end.reported_stopped_at or end.stopped_at
    facts = {
        "transaction_id": transaction_id,
        "at": at.isoformat() if at else None,
        "meter_wh": end.meter_stop_wh,
        "reason": end.stop_reason,
        "session": other,
    }
    if Oddity.objects.filter(station=session.station_id, kind=kind, session_id=session.pk, facts=facts).exists():
        return
    beside = f" It is session {other} now." if other is not None else ""
    note = f"Transaction {transaction_id} ended at {facts['at']} with {end.meter_stop_wh} Wh.{beside}"
    record_anomaly(
        station_id=session.station_id,
        kind=kind,
        session_id=session.pk,
        note=note,
        facts=facts,
        payload=raw or note,
    )


def other_ends(session: ChargingSession) -> list[OtherEnd]:
    """The ends that were reported for this session and do not count, in the order in which they were found out."""
    kinds = [Oddity.Kind.CONFLICTING_STOP, Oddity.Kind.UNMATCHED_END]
    rows = Oddity.objects.filter(session_id=session.pk, station=session.station_id, kind__in=kinds).order_by("pk")
    return [end for row in rows if (end := end_in(row)) is not None]


def end_in(oddity: Oddity) -> OtherEnd | None:
    """The end that an oddity is about; None where it is about something else."""
    facts = oddity.facts
    if not facts and (former := FORMER_NOTE.search(oddity.note)):
        facts = {"at": former["at"], "meter_wh": int(former["meter"])}
    if "meter_wh" not in facts:
        return None
    return OtherEnd(
        at=parse_datetime(facts["at"] or ""),
        meter_wh=facts["meter_wh"],
        reason=facts.get("reason") or "",
        transaction_id=facts.get("transaction_id"),
        session_id=facts.get("session"),
    )
