"""The list of sessions, and panels about sessions for the page of a session and for other pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import User
from chargers.models import Oddity, Tag
from chargers.vocabulary import TagVerdict, stop_reason_label
from cpms.common.web.formatting import kwh, number
from cpms.common.web.pages import ListPage
from cpms.common.web.panels import Panel, TimelineEntry
from sessions.ledger.filtersets import SessionFilterSet
from sessions.ledger.labels import authorization_label
from sessions.ledger.models import ChargingSession
from sessions.ledger.panels.reported import matched_before, reported_ends, source_notes
from sessions.ledger.services.unmatched import OtherEnd, end_from_anomaly
from sessions.ledger.tables import SESSION_CELLS, SessionTable, StationSessionTable, status_badge

MAX_SHOWN = 10
DAY_BEFORE = timedelta(days=1)


class SessionList(ListPage):
    """List the sessions that the user may see. A page adds its template and the columns of other apps."""

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
    """Return the newest sessions of a station."""
    rows = ChargingSession.objects.reachable_by(user).filter(station=station).select_related("tag")
    latest = list(rows.order_by("-started_at")[:MAX_SHOWN])
    for session in latest:
        session.station = station
    context = {"station": station, "sessions": latest, "table": StationSessionTable(latest, orderable=False)}
    return Panel("sessions/ledger/panels/latest_sessions.html", context, is_live=True)


def tag_sessions(tag: Tag, user: User) -> Panel:
    """Return the use of a tag: how often, how much, and its newest sessions that the user may see."""
    rows = ChargingSession.objects.reachable_by(user).filter(tag=tag)
    latest = list(rows.select_related("station", "tag").defer("station__password").order_by("-started_at")[:MAX_SHOWN])
    usage = rows.order_by().aggregate(count=Count("pk"), energy_wh=Sum("energy_wh"))
    context = {"tag": tag, "sessions": latest, "table": SessionTable(latest, orderable=False), "usage": usage}
    return Panel("sessions/ledger/panels/tag_sessions.html", context)


def own_sessions(sessions: Sequence[ChargingSession]) -> Panel:
    """Return the newest sessions of the signed-in user."""
    context = {"sessions": sessions, "table": SessionTable(sessions, orderable=False)}
    return Panel("sessions/ledger/panels/own_sessions.html", context)


def unmatched_end(anomaly: Oddity) -> Panel | None:
    """Return the session end that an anomaly is about, or None if it is about something else."""
    end = end_from_anomaly(anomaly)
    if end is None:
        return None
    return Panel("sessions/ledger/panels/unmatched_end.html", {"session_id": anomaly.session_id, "end": end})


def summary_line(session: ChargingSession, user: User) -> Panel:
    """Return the line below the title of a session's page: status, station, time, tag and driver."""
    context = {
        "session": session,
        "status": status_badge(session),
        "may_see_station": user.access.may(Can.SEE_STATIONS, session.station),
    }
    return Panel("sessions/ledger/panels/facts.html", context, is_live=True)


def details(session: ChargingSession, others: Sequence[OtherEnd]) -> Panel:
    """Return the details of a session: everything that was reported, and what was used instead.

    Args:
        others: the ends that were reported and are not used.
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
    """Return the start of a session for its timeline."""
    text = _("Session started")
    if session.meter_start_wh is not None:
        text = _("Session started · meter %(meter)s Wh") % {"meter": number(session.meter_start_wh)}
    note = ""
    if session.authorization != TagVerdict.ACCEPTED:
        note = _("Tag status: %(status)s") % {"status": session.authorization}
    return TimelineEntry(session.started_at, "charging", text, note)


def end_entries(session: ChargingSession, others: Sequence[OtherEnd]) -> list[TimelineEntry]:
    """Return the end of a session, if it has ended, and the reported ends that are not used."""
    own = [] if session.stopped_at is None else [_end_entry(session, session.stopped_at)]
    return own + _other_end_entries(session, others)


def _end_entry(session: ChargingSession, stopped_at: datetime) -> TimelineEntry:
    text = _("Session ended")
    if session.meter_stop_wh is not None:
        text = _("Session ended · meter %(meter)s Wh") % {"meter": number(session.meter_stop_wh)}
    if session.closed_by == ChargingSession.ClosedBy.STATION:
        reason = stop_reason_label(session.stop_reason)
    else:
        reason = ", ".join(session.flag_labels)
    charged = _("%(energy)s kWh charged") % {"energy": kwh(session.energy_wh)}
    return TimelineEntry(stopped_at, "neutral", text, " · ".join(part for part in (reason, charged) if part))


def _other_end_entries(session: ChargingSession, others: Sequence[OtherEnd]) -> list[TimelineEntry]:
    """Return the ends with a plausible time; the details of the session list all of them."""
    first, now = session.started_at - DAY_BEFORE, timezone.now()
    entries = []
    for end in others:
        if end.at is not None and first <= end.at <= now:
            text = _("Another end was reported")
            if end.meter_wh is not None:
                text = _("Another end was reported · meter %(meter)s Wh") % {"meter": number(end.meter_wh)}
            entries.append(TimelineEntry(end.at, "warn", text, _("Not used.")))
    return entries
