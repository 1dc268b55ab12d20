"""Pages to add, edit, identify, assign and hand over a station, and the stations that wait for a team."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from chargers.credentials import services as credentials_services
from chargers.credentials.views import show_credentials
from chargers.installations.models import Circuit, Installation
from chargers.installations.services.placing import place_station
from chargers.onboarding.forms import (
    CircuitStationForm,
    StationAddForm,
    StationAssignForm,
    StationEditForm,
    StationHandOverForm,
    StationIdentityForm,
)
from chargers.onboarding.services import handover, registration
from chargers.onboarding.services.handover import (
    can_be_handed_over,
    former_identity,
    handover_obstacle,
    handover_refusal,
    may_hand_over,
)
from chargers.onboarding.services.naming import correct_identity
from chargers.onboarding.tables import PoolTable
from chargers.stations.filtersets import StationFilterSet
from chargers.stations.models import ChargingStation
from chargers.stations.services.adding import may_add_stations
from chargers.stations.services.identities import identity_warning
from chargers.stations.services.naming import rename_station
from chargers.stations.tables import STATION_CELLS
from cpms.common.web.pages import FormPage, ListPage

ADD_ON_CIRCUIT = (Can.ADD_STATIONS, Can.CONFIGURE_PLACES)


class PoolListView(ListPage):
    """Stations that connected on their own and wait for a team. Only support staff sees them."""

    model = ChargingStation
    table_class = PoolTable
    filterset_class = StationFilterSet
    template_name = "chargers/onboarding/pool_list.html"
    export_name = "waiting-stations"
    export_cells = STATION_CELLS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.is_staff:
            raise PermissionDenied(_("Only support staff can see the stations waiting for assignment."))
        return super().dispatch(request, *args, **kwargs)

    def rows(self) -> QuerySet[Any]:
        waiting = ChargingStation.objects.visible_to(self.request.user).filter(team=None, handed_over_at=None)
        return waiting.with_presence().prefetch_related("connectors").defer("password", "next_password")


class StationAddView(FormPage):
    template_name = "chargers/onboarding/station_add.html"
    form_class = StationAddForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not may_add_stations(request.user):
            raise PermissionDenied(
                _("Only administrators of a team and service partners of an installation can add stations.")
            )
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    def get_initial(self) -> dict[str, Any]:
        return {
            "password": credentials_services.generate_password(),
            "installation": self.request.GET.get("installation"),
        }

    def perform(self, form: StationAddForm) -> HttpResponse:  # type: ignore[override]
        data = form.cleaned_data
        station = registration.add_station(
            team=form.chosen_team,
            identity=data["identity"],
            password=data["password"],
            name=data["name"],
            connectors=data["connectors"],
            installation=data.get("installation"),
            actor=self.request.user,  # type: ignore[arg-type]
        )
        return show_credentials(self.request, station, data["password"], is_new=True)


class CircuitStationAddView(FormPage):
    """Add a station to the circuit that the URL names."""

    template_name = "chargers/onboarding/circuit_station_add.html"
    form_class = CircuitStationForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            installations = Installation.objects.reachable_by(request.user).select_related("team")
            self.installation: Installation = get_object_or_404(installations, pk=kwargs["pk"])
            if not all(request.user.access.may(right, self.installation) for right in ADD_ON_CIRCUIT):
                raise PermissionDenied(
                    _("Only administrators of the team and service partners of the installation can add stations.")
                )
            active = self.installation.circuits.filter(deactivated_at=None)
            self.circuit: Circuit = get_object_or_404(active, pk=kwargs["circuit"])
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"password": credentials_services.generate_password()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(installation=self.installation, circuit=self.circuit, **kwargs)

    def perform(self, form: CircuitStationForm) -> HttpResponse:  # type: ignore[override]
        actor: Any = self.request.user
        with transaction.atomic():
            station = registration.add_station(
                team=self.installation.team, installation=self.installation, actor=actor, **form.cleaned_data
            )
            place_station(station=station, installation=self.installation, circuit=self.circuit, actor=actor)
        return show_credentials(self.request, station, form.cleaned_data["password"], is_new=True)


class StationEditView(FormPage):
    template_name = "chargers/stations/station_edit.html"
    form_class = StationEditForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team", "installation")
            stations = rows.defer("password", "next_password")
            self.station: ChargingStation = get_object_or_404(stations, pk=kwargs["pk"])
            if not request.user.access.may(Can.NAME, self.station):
                raise PermissionDenied(_("Only operators and administrators of the team can edit its stations."))
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        station = self.station
        return {"name": station.name, "installation": station.installation_id, "circuit": station.circuit_id}

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user, "station": self.station}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        is_offered = can_be_handed_over(self.station) and may_hand_over(user, self.station)
        return super().get_context_data(station=self.station, may_hand_over=is_offered, **kwargs)

    def perform(self, form: StationEditForm) -> HttpResponse:  # type: ignore[override]
        actor: Any = self.request.user
        data, station = form.cleaned_data, self.station
        with transaction.atomic():
            rename_station(station=station, name=data["name"], actor=actor)
            installation = data.get("installation") if "installation" in form.fields else station.installation
            circuit = data.get("circuit") if "circuit" in form.fields else station.circuit
            if installation != station.installation:
                circuit = None
            place_station(station=station, installation=installation, circuit=circuit, actor=actor)
        messages.success(self.request, _("Station saved."))
        return redirect(station)


class StationIdentityView(FormPage):
    """Correct the identity of a station that connects with another one; its history is kept."""

    template_name = "chargers/onboarding/station_identity.html"
    form_class = StationIdentityForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team")
            self.station: ChargingStation = get_object_or_404(rows.defer("password", "next_password"), pk=kwargs["pk"])
            if not request.user.access.may(Can.SET_PASSWORDS, self.station):
                raise PermissionDenied(_("Only administrators of the team can edit the identity of its stations."))
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"identity": self.station.identity}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(station=self.station, **kwargs)

    def perform(self, form: StationIdentityForm) -> HttpResponse:  # type: ignore[override]
        actor: Any = self.request.user
        station = correct_identity(station=self.station, identity=form.cleaned_data["identity"], actor=actor)
        messages.success(self.request, _("The identity is now “%(identity)s”.") % {"identity": station.identity})
        if warning := identity_warning(station.identity):
            messages.warning(self.request, warning)
        return redirect(station)


class StationAssignView(FormPage):
    """Assign a station from the pool to a team."""

    template_name = "chargers/onboarding/station_assign.html"
    form_class = StationAssignForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).filter(team=None)
            self.station: ChargingStation = get_object_or_404(rows.defer("password", "next_password"), pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(station=self.station, **kwargs)

    def perform(self, form: StationAssignForm) -> HttpResponse:  # type: ignore[override]
        actor: Any = self.request.user
        assigned = registration.assign_station(station=self.station, team=form.cleaned_data["team"], actor=actor)
        if assigned.password is not None:
            return show_credentials(self.request, assigned.station, assigned.password, is_new=False)
        values = {"station": assigned.station.identity, "team": form.cleaned_data["team"]}
        messages.success(self.request, _("%(station)s assigned to %(team)s.") % values)
        return redirect(assigned.station)


class StationHandOverView(FormPage):
    """Hand a station over to another team, after showing what stays and what moves."""

    template_name = "chargers/onboarding/station_hand_over.html"
    form_class = StationHandOverForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team")
            self.station: ChargingStation = get_object_or_404(rows.defer("password", "next_password"), pk=kwargs["pk"])
            if not may_hand_over(request.user, self.station):
                raise PermissionDenied(handover_refusal())
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user, "station": self.station}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        station = self.station
        former, obstacle = former_identity(station.identity, station.pk, timezone.now()), handover_obstacle(station)
        return super().get_context_data(station=station, former=former, obstacle=obstacle, **kwargs)

    def perform(self, form: StationHandOverForm) -> HttpResponse:  # type: ignore[override]
        team, actor = form.cleaned_data["team"], self.request.user
        station = handover.hand_over_station(station=self.station, team=team, actor=actor)  # type: ignore[arg-type]
        values = {"station": station.identity, "team": team}
        messages.success(self.request, _("%(station)s handed over to %(team)s.") % values)
        return redirect(station)
