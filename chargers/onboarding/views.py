"""Pages to add, edit, identify, assign and hand over a station, and the stations that wait for a team."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View

from accounts.access.rights import Can
from chargers.credentials import services as credentials_services
from chargers.credentials.views import show_credentials
from chargers.hardware.models import HardwareModel
from chargers.hardware.services.models import find_hardware_model
from chargers.installations.models import Circuit, Installation
from chargers.installations.services.placing import place_station
from chargers.onboarding.forms import (
    CircuitStationForm,
    HardwareForm,
    RatingForm,
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
from chargers.onboarding.services.plausibility import implausible_ratings
from chargers.onboarding.tables import PoolTable
from chargers.stations.filtersets import StationFilterSet
from chargers.stations.models import ChargingStation, Connector
from chargers.stations.services.adding import may_add_stations
from chargers.stations.services.identities import identity_warning
from chargers.stations.services.naming import rename_station
from chargers.stations.services.ratings import RATING_FIELDS, set_hardware_model, set_ratings
from chargers.stations.tables import STATION_CELLS
from chargers.vocabulary import PowerType
from cpms.common.errors import DomainError
from cpms.common.web.pages import AuthenticatedRequest, FormPage, ListPage

PHASES = {PowerType.AC_1_PHASE: "1", PowerType.AC_2_PHASE: "2", PowerType.AC_3_PHASE: "3"}

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


class StationHardwareView(LoginRequiredMixin, View):
    """Edit the hardware model of a station, the ratings of its connectors and their EVSE IDs."""

    request: AuthenticatedRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team", "installation", "circuit")
            rows = rows.select_related("hardware_model").defer("password", "next_password")
            self.station: ChargingStation = get_object_or_404(rows, pk=kwargs["pk"], handed_over_at=None)
            if not request.user.access.may(Can.CONFIGURE, self.station):
                raise PermissionDenied(_("You may not change the technical settings of this station."))
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows = {row.number: row for row in self.station.connectors.select_related("evse")}
        forms = [RatingForm(number=number, initial=_rating(rows[number])) for number in sorted(rows)]
        reported = find_hardware_model(f"{self.station.vendor} {self.station.model}")
        return self._show(HardwareForm(initial={"hardware_model": self.station.hardware_model or reported}), forms)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        hardware = HardwareForm(request.POST)
        model = hardware.cleaned_data["hardware_model"] if hardware.is_valid() else None
        numbers = set(self.station.connectors.values_list("number", flat=True))
        if model is not None:
            numbers |= set(model.connectors.values_list("number", flat=True))
        if "fill" in request.POST and model is not None:
            data = _filled(request.POST, model)
            return self._show(HardwareForm(data), [RatingForm(data, number=number) for number in sorted(numbers)])
        forms = [RatingForm(request.POST, number=number) for number in sorted(numbers)]
        if not all([hardware.is_valid(), *(form.is_valid() for form in forms)]):
            return self._show(hardware, forms, status=422)
        try:
            with transaction.atomic():
                set_hardware_model(station=self.station, model=model, actor=request.user)  # type: ignore[arg-type]
                set_ratings(
                    station=self.station,
                    connectors=[form.rating for form in forms],
                    actor=request.user,  # type: ignore[arg-type]
                )
        except DomainError as error:
            _add_errors(hardware, forms, error)
            return self._show(hardware, forms, status=422)
        messages.success(request, _("Hardware saved."))
        for sentence in implausible_ratings(self.station):
            messages.warning(request, sentence)
        return redirect(self.station)

    def _show(self, hardware: HardwareForm, forms: list[RatingForm], *, status: int = 200) -> HttpResponse:
        context = {"station": self.station, "hardware": hardware, "ratings": forms}
        return render(self.request, "chargers/onboarding/station_hardware.html", context, status=status)


def _rating(connector: Connector) -> dict[str, Any]:
    """Return the values of a connector as the form shows them."""
    values = {name: getattr(connector, name) for name in RATING_FIELDS}
    power_w = values.pop("max_power_w")
    power_kw = None if power_w is None else Decimal(power_w) / 1000
    return values | {"max_power_kw": power_kw, "evse_id": connector.evse.evse_id if connector.evse is not None else ""}


def _filled(posted: QueryDict, model: HardwareModel) -> QueryDict:
    """Return what was posted, with empty fields filled from the data sheet of the model."""
    data = posted.copy()
    for plug in model.connectors.all():
        values = {"standard": plug.standard, "format": plug.format, "power_type": plug.power_type}
        values["max_power_kw"] = f"{Decimal(plug.max_power_w) / 1000:g}"
        if plug.power_type != PowerType.DC:  # the current of a DC cable says nothing about the supply
            values["max_current_a"] = str(plug.max_current_a)
            values["phases"] = PHASES[PowerType(plug.power_type)]
        for name, value in values.items():
            key = f"connector-{plug.number}-{name}"
            data[key] = data.get(key) or value
    return data


def _add_errors(hardware: HardwareForm, forms: list[RatingForm], error: DomainError) -> None:
    """Add an error of a service to the field that it names, like `connectors[0].evse_id`."""
    for key in error.fields:
        found = re.fullmatch(r"connectors\[(\d+)\]\.(\w+)", key)
        if found and found[2] in forms[int(found[1])].fields:
            forms[int(found[1])].add_error(found[2], str(error))
            return
    hardware.add_error(None, str(error))


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
