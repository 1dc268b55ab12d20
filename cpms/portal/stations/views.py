"""The page of one station. Its panels come from the apps that own their data."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.access.rights import Can
from chargers.anomalies import panels as anomaly_panels
from chargers.models import ChargingStation
from chargers.onboarding.services.handover import can_be_handed_over, may_hand_over
from chargers.pictures import panels as picture_panels
from chargers.stations import panels as station_panels
from cpms.common.web.pages import DetailPage
from cpms.common.web.panels import Panel
from cpms.portal.frame.recent import note_station
from maintenance.connections import panels as connection_panels
from maintenance.messages import panels as message_panels
from maintenance.security_events import panels as security_panels
from operations.commands import panels as command_panels
from operations.commands.services.authority import why_no_commands
from sessions.ledger import panels as session_panels
from sessions.samples import panels as sample_panels


class StationPage(DetailPage):
    """The data of the page of a station and of its live parts."""

    model = ChargingStation
    context_object_name = "station"

    def get_queryset(self) -> QuerySet[Any]:
        stations = ChargingStation.objects.reachable_by(self.request.user).with_presence()
        # whether there is a password, without decrypting it
        has_password = ExpressionWrapper(Q(password__isnull=False) | ~Q(password_hash=""), output_field=BooleanField())
        return (
            stations.select_related("team", "installation")
            .defer("password", "password_hash", "next_password", "next_password_hash")
            .annotate(knows_password=has_password)
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**_rights(self.object, self.request.user), **self.panels(), **kwargs)

    def panels(self) -> dict[str, Any]:
        """Return the panels by their position on the page."""
        station: Any = self.object
        user: Any = self.request.user
        connectors = list(station.connectors.select_related("evse").order_by("number"))
        aside = [
            connection_panels.connection(station, user),
            station_panels.boot(station),
            picture_panels.pictures(station, user),
            connection_panels.violations(station, user),
            anomaly_panels.latest_anomalies(station, user, session_panels.unmatched_end),
        ]
        return {
            "facts": station_panels.summary(station, connectors),
            "alerts": security_panels.alerts(station, user),
            "main": [
                _connectors(station, connectors, user),
                sample_panels.power_chart(station),
                command_panels.recent_commands(station, user),
                message_panels.latest_messages(station, user),
                session_panels.latest_sessions(station, user),
            ],
            "aside": [panel for panel in aside if panel is not None],
        }


class StationDetailView(StationPage):
    template_name = "portal/stations/station_detail.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        note_station(request.session, self.object.pk)
        return response


class StationLiveView(StationPage):
    """Renders the live panels again, for an open page."""

    template_name = "panels.html"
    extra_context = {"is_live": True}

    def panels(self) -> dict[str, Any]:
        by_position = super().panels()
        panels = [by_position["facts"], by_position["alerts"], *by_position["main"], *by_position["aside"]]
        return {"panels": [panel for panel in panels if panel.is_live]}


def _connectors(station: Any, connectors: list[Any], user: Any) -> Panel:
    running = sample_panels.running_sessions(station, connectors, user)
    usage = {number: sample_panels.running_session(session) for number, session in running.items()}
    buttons = {}
    if station.is_served and station.handed_over_at is None and command_panels.may_send_commands(user, station):
        buttons = command_panels.connector_buttons(station, connectors, running)
    return station_panels.connector_cards(station, connectors, usage, buttons)


def _rights(station: Any, user: Any) -> dict[str, Any]:
    """Return what the user may do, for the buttons in the head of the page."""
    is_past = station.handed_over_at is not None
    may_operate = user.access.may(Can.OPERATE, station) and not is_past
    no_commands = why_no_commands(user, station) if may_operate else ""
    return {
        "may_operate": may_operate and not no_commands,
        "no_commands": no_commands,
        "may_assign": station.team_id is None,  # only support staff sees such a station
        "may_name": user.access.may(Can.NAME, station),
        "may_configure": user.access.may(Can.CONFIGURE, station) and not is_past,
        "may_administer": user.access.may(Can.SET_PASSWORDS, station) and not is_past,
        "may_hand_over": can_be_handed_over(station) and may_hand_over(user, station),
        "may_share": station.team_id is not None and user.access.may(Can.MANAGE_ACCESS, station),
    }
