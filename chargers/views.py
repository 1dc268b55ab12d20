"""Adding and naming stations. What is shown of them is composed in the portal."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.rights import Can
from accounts.sign_in import fresh_proof as confirm
from chargers import services
from chargers.forms import (
    StationAddForm,
    StationAssignForm,
    StationEditForm,
    StationHandOverForm,
    StationIdentityForm,
    StationPasswordForm,
    may_add_stations,
)
from chargers.models import ChargingStation
from chargers.services.activity import set_station_active
from chargers.services.handover import (
    can_be_handed_over,
    former_identity,
    may_hand_over,
    who_may_hand_over,
    why_not_now,
)
from chargers.services.naming import correct_identity, identity_warning, rename_station
from chargers.services.passwords import STRONG_CHARACTERS, is_weak
from chargers.services.places import place_station
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web.pages import AuthenticatedRequest, FormPage


def ocpp_address(identity: str = "") -> str:
    """Where a station connects to; many stations add their identity by themselves."""
    parts = urlsplit(settings.PUBLIC_URL)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}/ocpp/{quote(identity, safe='')}"


def show_credentials(
    request: HttpRequest, station: ChargingStation, password: str, *, is_new: bool | None
) -> HttpResponse:
    """What to set at a station. The password is kept nowhere on the way.

    Args:
        is_new: whether the station is; None where nothing was changed.
    """
    context: dict[str, Any] = {"station": station, "password": password, "is_new": is_new, "address": ocpp_address()}
    context["strong_characters"] = STRONG_CHARACTERS
    context |= {"full_address": ocpp_address(station.identity), "is_weak": is_weak(password.encode())}
    context["identity_warning"] = identity_warning(station.identity)
    return TemplateResponse(request, "chargers/station_added.html", context, headers={"Cache-Control": "no-store"})


class StationAddView(FormPage):
    template_name = "chargers/station_add.html"
    form_class = StationAddForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not may_add_stations(request.user):
            raise PermissionDenied(
                _("Only administrators of a team and the service of an installation may add stations.")
            )
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    def get_initial(self) -> dict[str, Any]:
        return {"password": services.generate_password(), "installation": self.request.GET.get("installation")}

    def perform(self, form: StationAddForm) -> HttpResponse:  # type: ignore[override]
        given = form.cleaned_data
        station = services.add_station(
            team=form.chosen_team,
            identity=given["identity"],
            password=given["password"],
            name=given["name"],
            connectors=given["connectors"],
            installation=given.get("installation"),
            actor=self.request.user,  # type: ignore[arg-type]
        )
        return show_credentials(self.request, station, given["password"], is_new=True)


class StationPasswordView(FormPage):
    """Keeps the password that somebody sets at the station by hand."""

    template_name = "chargers/station_password.html"
    form_class = StationPasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            stations = ChargingStation.objects.reachable_by(request.user).select_related("team")
            self.station: ChargingStation = get_object_or_404(stations, pk=kwargs["pk"])
            if not request.user.may(Can.SET_PASSWORDS, self.station):
                raise PermissionDenied(_("Only administrators of the team may set the passwords of its stations."))
            if not confirm.is_confirmed(request):
                return confirm.ask(request, request.path)
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"password": services.generate_password()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        can_be_shown = self.station.password is not None
        return super().get_context_data(station=self.station, can_be_shown=can_be_shown, **kwargs)

    def perform(self, form: StationPasswordForm) -> HttpResponse:  # type: ignore[override]
        password = form.cleaned_data["password"]
        services.set_password(station=self.station, password=password, actor=self.request.user)  # type: ignore[arg-type]
        return show_credentials(self.request, self.station, password, is_new=False)


@login_required
@require_POST
def station_password_show(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Show the current password, for use when a station has been reset."""
    stations = ChargingStation.objects.reachable_by(request.user).select_related("team")
    station = get_object_or_404(stations.defer("password", "next_password"), pk=pk)
    if not confirm.is_confirmed(request):
        return confirm.ask(request, reverse("chargers:station_password", args=[pk]))
    try:
        password = services.reveal_password(station=station, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("chargers:station_password", pk)
    return show_credentials(request, station, password, is_new=None)


@login_required
@require_http_methods(["GET", "POST"])
def station_activity(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Out of use, after a question, or back into use."""
    rows = ChargingStation.objects.reachable_by(request.user).select_related("team")
    station = get_object_or_404(rows.defer("password", "next_password"), pk=pk)
    if not request.user.may(Can.CONFIGURE, station):
        raise PermissionDenied(_("You may not change the technical settings of this station."))
    if request.method == "GET":
        return render(request, "chargers/station_deactivate.html", {"station": station})
    is_active = request.POST.get("do") == "activate"
    try:
        set_station_active(station=station, is_active=is_active, actor=request.user)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(station)
    said = _("%(station)s is in use again.") if is_active else _("%(station)s is deactivated.")
    messages.success(request, said % {"station": station.identity})
    return redirect(station)


class StationEditView(FormPage):
    template_name = "chargers/station_edit.html"
    form_class = StationEditForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team", "installation")
            stations = rows.defer("password", "next_password")
            self.station: ChargingStation = get_object_or_404(stations, pk=kwargs["pk"])
            if not request.user.may(Can.NAME, self.station):
                raise PermissionDenied(_("Only operators and administrators of the team may rename its stations."))
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        station = self.station
        return {"name": station.name, "installation": station.installation_id, "circuit": station.circuit_id}

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user, "station": self.station}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        may = can_be_handed_over(self.station) and may_hand_over(user, self.station)
        return super().get_context_data(station=self.station, may_hand_over=may, **kwargs)

    def perform(self, form: StationEditForm) -> HttpResponse:  # type: ignore[override]
        actor: Any = self.request.user
        given, station = form.cleaned_data, self.station
        with transaction.atomic():
            rename_station(station=station, name=given["name"], actor=actor)
            installation = given.get("installation") if "installation" in form.fields else station.installation
            circuit = given.get("circuit") if "circuit" in form.fields else station.circuit
            if installation != station.installation:
                circuit = None
            place_station(station=station, installation=installation, circuit=circuit, actor=actor)
        messages.success(self.request, _("The station is saved."))
        return redirect(station)


class StationIdentityView(FormPage):
    """Corrects the identity of a station that is set to another one; its history stays."""

    template_name = "chargers/station_identity.html"
    form_class = StationIdentityForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team")
            self.station: ChargingStation = get_object_or_404(rows.defer("password", "next_password"), pk=kwargs["pk"])
            if not request.user.may(Can.SET_PASSWORDS, self.station):
                raise PermissionDenied(_("Only administrators of the team may change the identity of its stations."))
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
    """Gives a station that waits in the pool to a team."""

    template_name = "chargers/station_assign.html"
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
        assigned = services.assign_station(station=self.station, team=form.cleaned_data["team"], actor=actor)
        if assigned.password is not None:
            return show_credentials(self.request, assigned.station, assigned.password, is_new=False)
        named = {"station": assigned.station.identity, "team": form.cleaned_data["team"]}
        messages.success(self.request, _("%(station)s assigned to %(team)s.") % named)
        return redirect(assigned.station)


class StationHandOverView(FormPage):
    """Hand a station over to another team, after showing what stays and what moves."""

    template_name = "chargers/station_hand_over.html"
    form_class = StationHandOverForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team")
            self.station: ChargingStation = get_object_or_404(rows.defer("password", "next_password"), pk=kwargs["pk"])
            if not may_hand_over(request.user, self.station):
                raise PermissionDenied(who_may_hand_over())
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user, "station": self.station}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        station = self.station
        former, why_not = former_identity(station.identity, station.pk, timezone.now()), why_not_now(station)
        return super().get_context_data(station=station, former=former, why_not=why_not, **kwargs)

    def perform(self, form: StationHandOverForm) -> HttpResponse:  # type: ignore[override]
        team, actor = form.cleaned_data["team"], self.request.user
        station = services.hand_over_station(station=self.station, team=team, actor=actor)  # type: ignore[arg-type]
        named = {"station": station.identity, "team": team}
        messages.success(self.request, _("%(station)s is handed over to %(team)s.") % named)
        return redirect(station)
