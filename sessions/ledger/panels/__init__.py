"""What pages show of sessions: the list of sessions, the panels of a session's page, and those of other pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import User
from chargers.models import Oddity
from chargers.vocabulary import TagVerdict, stop_reason_label
from cpms.common.web.formatting import kwh, number
from cpms.common.web.pages import ListPage
from cpms.common.web.panels import Panel, TimelineEntry
from sessions.ledger.filtersets import SessionFilterSet
from sessions.ledger.labels import authorization_label
from sessions.ledger.models import ChargingSession
from sessions.ledger.panels.reported import matched_before, reported_ends, source_notes
from sessions.ledger.services.unmatched import OtherEnd, end_from_anomaly
from sessions.ledger.tables import SESSION_CELLS, SessionTable, StationSessionTable, said

MAX_SHOWN = 10
DAY_BEFORE = timedelta(days=1)


class SessionList(ListPage):
    """The sessions that a person may see; a page adds its template and the columns of other apps."""

    model = ChargingSession
    table_class = SessionTable
    filterset_class = SessionFilterSet
    export_name = "sessions"
    export_cells = SESSION_CELLS
    is_newest_first = True
    slow_sort_columns: Sequence[str] = ("energy_wh", "max_power_w")

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station", "tag").defer("station__password")


def latest_sessions(station: Any, user: User) -> Panel:
    """The newest sessions at a station."""
    rows = ChargingSession.objects.reachable_by(user).filter(station=station).select_related("tag")
    latest = list(rows.order_by("-started_at")[:MAX_SHOWN])
    for session in latest:
        session.station = station
    context = {"station": station, "sessions": latest, "table": StationSessionTable(latest, orderable=False)}
    return Panel("sessions/ledger/panels/latest_sessions.html", context, is_live=True)


def own_sessions(sessions: Sequence[ChargingSession]) -> Panel:
    """The newest sessions of the person who is signed in."""
    context = {"sessions": sessions, "table": SessionTable(sessions, orderable=False)}
    return Panel("sessions/ledger/panels/own_sessions.html", context)


def unmatched_end(oddity: Oddity) -> Panel | None:
    """The end of a session that an unusual report is about; None where it is about something else."""
    end = end_from_anomaly(oddity)
    if end is None:
        return None
    return Panel("sessions/ledger/panels/unmatched_end.html", {"session_id": oddity.session_id, "end": end})


def facts(session: ChargingSession, user: User) -> Panel:
    """The line below the title of a session's page: its status, where and when it was and whose it is."""
    context = {
        "session": session,
        "status": said(session),
        "may_see_station": user.access.may(Can.SEE_STATIONS, session.station),
    }
    return Panel("sessions/ledger/panels/facts.html", context, is_live=True)


def details(session: ChargingSession, others: Sequence[OtherEnd]) -> Panel:
    """All that was reported of a session.

    Args:
        others: the ends that were reported and do not count.
    """
    context = {
        "session": session,
        "authorization": authorization_label(session.authorization),
        "ends": reported_ends(session, others),
        "matched_before": matched_before(session),
        "sources": source_notes(session),
    }
    return Panel("sessions/ledger/panels/details.html", context, is_live=True)


def start_entry(session: ChargingSession) -> TimelineEntry:
    """The start of a session."""
    text = _("Session began")
    if session.meter_start_wh is not None:
        text = _("Session began at %(meter)s Wh") % {"meter": number(session.meter_start_wh)}
    note = ""
    if session.authorization != TagVerdict.ACCEPTED:
        note = _("Tag was answered with %(word)s") % {"word": session.authorization}
    return TimelineEntry(session.started_at, "charging", text, note)


def end_entries(session: ChargingSession, others: Sequence[OtherEnd]) -> list[TimelineEntry]:
    """The end of a session, if it has ended, and the ends that were reported and do not count."""
    own = [] if session.stopped_at is None else [_end(session, session.stopped_at)]
    return own + _other_ends(session, others)


def _end(session: ChargingSession, stopped_at: datetime) -> TimelineEntry:
    meter = "" if session.meter_stop_wh is None else _(" at %(meter)s Wh") % {"meter": number(session.meter_stop_wh)}
    text = _("Session ended%(meter)s") % {"meter": meter}
    if session.closed_by == ChargingSession.ClosedBy.STATION:
        reason = stop_reason_label(session.stop_reason)
    else:
        reason = ", ".join(session.flag_labels)
    charged = _("%(energy)s kWh charged") % {"energy": kwh(session.energy_wh)}
    return TimelineEntry(stopped_at, "neutral", text, " · ".join(part for part in (reason, charged) if part))


def _other_ends(session: ChargingSession, others: Sequence[OtherEnd]) -> list[TimelineEntry]:
    """Those at a time that is possible; the details list all of them."""
    first, now = session.started_at - DAY_BEFORE, timezone.now()
    entries = []
    for end in others:
        if end.at is not None and first <= end.at <= now:
            meter = "" if end.meter_wh is None else _(" at %(meter)s Wh") % {"meter": number(end.meter_wh)}
            text = _("Another end was reported%(meter)s") % {"meter": meter}
            entries.append(TimelineEntry(end.at, "warn", text, _("It does not count.")))
    return entries
