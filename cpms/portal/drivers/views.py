"""The page of drivers: their sessions and tags, the stations where they may charge, and start and stop."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access.rights import Can
from accounts.models import User
from chargers.credentials.services import PASSWORD_FIELDS
from chargers.models import ChargingStation, Connector, Presence, Tag
from chargers.stations.services.states import connector_badge
from chargers.tags import panels as tag_panels
from chargers.tags.models import TagQuerySet
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web import formatting
from cpms.common.web.pages import AuthenticatedRequest, add_errors
from cpms.common.web.panels import Panel
from operations.commands.services.asking import request_command
from operations.models import Command
from sessions.ledger import panels as session_panels
from sessions.models import ChargingSession

SHOWN_SESSIONS, MAX_STATIONS = 10, 200
STARTABLE = {Connector.Status.AVAILABLE, Connector.Status.PREPARING, ""}  # "": online, but no status reported yet
OUT_OF_USE = {Connector.Status.FAULTED, Connector.Status.UNAVAILABLE}


def own_sessions(user: User) -> Any:
    """Return sessions with the user's tags, at any station."""
    rows = ChargingSession.objects.in_view_of(user).filter(tag__user=user)
    return rows.select_related("station", "tag", "team").defer(*(f"station__{name}" for name in PASSWORD_FIELDS))


def own_tags(user: User) -> TagQuerySet:
    tags: TagQuerySet = Tag.objects.filter(user=user).select_related("team").order_by("label", "value", "pk")
    return tags


def driver_stations(user: User) -> QuerySet[Any]:
    """Return stations where the user may charge, except those that other pages show them."""
    visible = ChargingStation.objects.allowed(user, Can.SEE_STATIONS).order_by().values("pk")
    stations = ChargingStation.objects.allowed(user, Can.CHARGE).in_view_of(user).exclude(pk__in=visible)
    stations = (
        stations.with_presence()
        .filter(deactivated_at__isnull=True)
        .select_related("installation")
        .prefetch_related("connectors")
    )
    return stations.defer(*PASSWORD_FIELDS).order_by("installation__name", "identity")


def sorted_connectors(station: ChargingStation) -> list[Connector]:
    return sorted(station.connectors.all(), key=lambda connector: connector.number)


def startable_connectors(station: ChargingStation) -> list[Connector]:
    return [connector for connector in sorted_connectors(station) if connector.status in STARTABLE]


def why_no_start(station: Any) -> str:
    """Return why no session can be started at the station now, or an empty text if one can.

    Args:
        station: with `presence`; prefetch its connectors to save queries.
    """
    if station.presence != Presence.ONLINE:
        return _why_offline(station)
    if not station.is_served:
        return _("The station is not set up yet.")
    if station.status in OUT_OF_USE:
        return _("The station is out of service.")
    connectors = sorted_connectors(station)
    if not connectors:
        return _("The station has not reported its connectors yet.")
    if startable_connectors(station):
        return ""
    if all(connector.status in OUT_OF_USE for connector in connectors):
        return _("The station is out of service.")
    return ngettext("The connector is in use.", "All connectors are in use.", len(connectors))


def _why_offline(station: Any) -> str:
    if station.presence == Presence.OFFLINE and station.disconnected_at:
        return _("Offline since %(time)s.") % {"time": formatting.short_time(station.disconnected_at)}
    if station.last_heard_at:
        return _("Not connected. Last seen %(time)s.") % {"time": formatting.short_time(station.last_heard_at)}
    return _("The station has never been online.")


def own_page(user: User) -> dict[str, Any]:
    """Return the panels of the page by their position."""
    sessions = own_sessions(user).select_related("tag__user").order_by("-started_at")
    latest, tags = list(sessions[:SHOWN_SESSIONS]), list(own_tags(user))
    return {
        "live": _live_panel(user, sessions, tags),
        "panels": [session_panels.own_sessions(latest), tag_panels.own_tags(tags)],
    }


def _live_panel(user: User, sessions: Any, tags: list[Tag]) -> Panel:
    """Return the panel of running sessions and of stations where the user may charge."""
    context = {
        "running": list(sessions.open()[:SHOWN_SESSIONS]),
        "stations": [_station_row(station) for station in driver_stations(user)[:MAX_STATIONS]],
        "has_tags": bool(tags),
    }
    return Panel("portal/drivers/panels/own_live.html", context, is_live=True)


def _station_row(station: Any) -> dict[str, Any]:
    connectors = sorted_connectors(station) if station.presence == Presence.ONLINE else []
    return {
        "station": station,
        "connectors": [
            {"number": connector.number, "status": connector_badge(connector, station.presence)}
            for connector in connectors
        ],
        "why_no_start": why_no_start(station),
    }


@login_required
@require_safe
def own(request: AuthenticatedRequest) -> HttpResponse:
    return render(request, "portal/drivers/own.html", own_page(request.user))


@login_required
@require_safe
def own_live(request: AuthenticatedRequest) -> HttpResponse:
    """Render the live panel again, for an open page."""
    return render(request, "panels.html", {"panels": [own_page(request.user)["live"]]})


class OwnStartForm(forms.Form):
    connector = forms.TypedChoiceField(label=gettext_lazy("Connector"), coerce=int)
    tag = forms.ModelChoiceField(label=gettext_lazy("Tag"), queryset=Tag.objects.none(), empty_label=None)

    def __init__(self, *args: Any, station: ChargingStation, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connector: Any = self.fields["connector"]
        connector.choices = [(one.number, str(one.number)) for one in startable_connectors(station)]
        connector.error_messages["invalid_choice"] = _("This connector is not available.")
        tag: Any = self.fields["tag"]
        tag.queryset = own_tags(user).valid()


def _why_no_tag(user: User) -> str:
    if own_tags(user).valid().exists():
        return ""
    return _("You have no valid tag. Ask the operator of the stations for one.")


@login_required
@require_http_methods(["GET", "POST"])
def own_start(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Start a session at a station where the user may charge, with one of their tags."""
    user = request.user
    stations = ChargingStation.objects.allowed(user, Can.CHARGE).with_presence().prefetch_related("connectors")
    station = get_object_or_404(stations.defer(*PASSWORD_FIELDS), pk=pk)
    context = {
        "title": _("Start a session"),
        "button": _("Start session"),
        "station_name": station.display_name,
        "action": reverse("portal:own_start", args=[station.pk]),
        "refusal": why_no_start(station) or _why_no_tag(user),
    }
    if request.method == "GET":
        form = OwnStartForm(station=station, user=user, initial=request.GET.dict())
        return _form_page(request, context | {"form": form})
    form = OwnStartForm(request.POST, station=station, user=user)
    if context["refusal"] or not form.is_valid():
        return _form_page(request, context | {"form": form}, status=422)
    parameters = {"connector": form.cleaned_data["connector"], "id_tag": form.cleaned_data["tag"].value}
    sentence = _("Start request sent. Plug in the cable if you have not done so yet.")
    return _send_command(request, context, form, station, Command.Kind.REMOTE_START, parameters, sentence)


@login_required
@require_http_methods(["GET", "POST"])
def own_stop(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Stop one of the user's sessions."""
    session = get_object_or_404(own_sessions(request.user).open(), pk=pk)
    context = {
        "title": _("Stop your session"),
        "button": _("Stop session"),
        "station_name": session.station.display_name,
        "action": reverse("portal:own_stop", args=[session.pk]),
        "is_dangerous": True,
    }
    if request.method == "GET":
        return _form_page(request, context | {"form": forms.Form()})
    sentence = _("Stop request sent.")
    form = forms.Form(request.POST)
    return _send_command(
        request, context, form, session.station, Command.Kind.REMOTE_STOP, {"session": session.pk}, sentence
    )


def _send_command(
    request: AuthenticatedRequest,
    context: dict[str, Any],
    form: forms.Form,
    station: ChargingStation,
    kind: str,
    parameters: dict[str, Any],
    sentence: str,
) -> HttpResponse:
    try:
        request_command(station=station, kind=kind, parameters=parameters, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        form.is_valid()
        at_tag = {"tag": str(error)} if "id_tag" in error.fields else {}
        add_errors(form, DomainError(str(error), fields=at_tag))
        return _form_page(request, context | {"form": form}, status=422)
    if not request.htmx:
        messages.success(request, sentence)
        return redirect("portal:own")
    events = {"said": {"text": sentence, "kind": "good"}, "done": {}}
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(events)})


def _form_page(request: AuthenticatedRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "portal/drivers/own_command.html"
    return render(request, f"{template}#dialog" if request.htmx else template, context, status=status)
