"""The page of one session. Its panels come from the apps that own their data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.access.rights import Can
from cpms.common.web.formatting import grouped
from cpms.common.web.pages import DetailPage
from cpms.common.web.panels import Panel
from maintenance.messages import panels as message_panels
from operations.commands import panels as command_panels
from sessions.ledger import panels as session_panels
from sessions.ledger.services.unmatched import OtherEnd, other_ends
from sessions.models import ChargingSession
from sessions.samples import panels as sample_panels
from sessions.samples.services.points import points_of


class SessionDetailView(DetailPage):
    model = ChargingSession
    template_name = "portal/sessions/session_detail.html"
    context_object_name = "session"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("station", "tag", "tag__user", "team").defer("station__password")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        session: ChargingSession = self.object
        user: Any = self.request.user
        first, last = _time_of_messages(session)
        return super().get_context_data(
            number=grouped(session.pk),
            may_see_station=user.access.may(Can.SEE_STATIONS, session.station),
            log_from=f"{timezone.localtime(first):%Y-%m-%dT%H:%M}",
            log_to=f"{timezone.localtime(last) + timedelta(minutes=1):%Y-%m-%dT%H:%M}",
            **self.panels(),
            **kwargs,
        )

    def panels(self) -> dict[str, Any]:
        """Return the panels by their position on the page."""
        session: ChargingSession = self.object
        user: Any = self.request.user
        points, others = points_of(session), other_ends(session)
        return {
            "facts": session_panels.summary_line(session, user),
            "stop": command_panels.stop_button(session, user),
            "figures": sample_panels.figures(session, points),
            "main": [sample_panels.session_chart(session, points), sample_panels.readings(session, 1)],
            "aside": [_timeline(session, others), session_panels.details(session, others)],
        }


class SessionLiveView(SessionDetailView):
    """Renders the live panels again, for an open page."""

    template_name = "panels.html"
    extra_context = {"is_live": True}

    def panels(self) -> dict[str, Any]:
        by_position = super().panels()
        panels = [by_position[name] for name in ("facts", "stop", "figures")]
        panels += [*by_position["main"], *by_position["aside"]]
        return {"panels": [panel for panel in panels if panel.is_live]}


def _timeline(session: ChargingSession, others: Sequence[OtherEnd]) -> Panel:
    """Return the panel with the events of a session, in order of time, from three apps."""
    entries = [
        session_panels.start_entry(session),
        *command_panels.timeline(session),
        *message_panels.timeline(session, *_time_of_messages(session)),
        *session_panels.end_entries(session, others),
    ]
    context = {"entries": sorted(entries, key=lambda entry: entry.at)}
    return Panel("portal/sessions/panels/timeline.html", context, is_live=True)


def _time_of_messages(session: ChargingSession) -> tuple[datetime, datetime]:
    """Return the period in which messages about a session were exchanged."""
    first = min(filter(None, [session.start_received_at, session.started_at]))
    last = session.stop_received_at or session.stopped_at or timezone.now()
    return first - timedelta(minutes=10), max(last, first) + timedelta(minutes=5)
