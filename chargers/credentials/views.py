"""Pages of a station's password: set it, show it, and show the credentials of a new station."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access.rights import Can
from accounts.sign_in import fresh_proof
from chargers.credentials import services as credentials_services
from chargers.credentials.forms import StationPasswordForm
from chargers.credentials.services import STRONG_CHARACTERS, is_weak
from chargers.stations.models import ChargingStation
from chargers.stations.services.identities import identity_warning
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web.pages import AuthenticatedRequest, FormPage


def ocpp_address(identity: str = "") -> str:
    """Return the URL that a station connects to, with its identity if given: many stations append it themselves."""
    parts = urlsplit(settings.PUBLIC_URL)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}/ocpp/{quote(identity, safe='')}"


def show_credentials(
    request: HttpRequest, station: ChargingStation, password: str, *, is_new: bool | None
) -> HttpResponse:
    """Return a page with the values to enter at a station. The password is not stored on the way.

    Args:
        is_new: True for a new station, False for a new password of an existing one, None if nothing was changed.
    """
    context: dict[str, Any] = {"station": station, "password": password, "is_new": is_new, "address": ocpp_address()}
    context["strong_characters"] = STRONG_CHARACTERS
    context |= {"full_address": ocpp_address(station.identity), "is_weak": is_weak(password.encode())}
    context["identity_warning"] = identity_warning(station.identity)
    return TemplateResponse(
        request, "chargers/onboarding/station_added.html", context, headers={"Cache-Control": "no-store"}
    )


class StationPasswordView(FormPage):
    """Store a password that is also entered at the station, not sent by OCPP."""

    template_name = "chargers/credentials/station_password.html"
    form_class = StationPasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            stations = ChargingStation.objects.reachable_by(request.user).select_related("team")
            self.station: ChargingStation = get_object_or_404(stations, pk=kwargs["pk"])
            if not request.user.access.may(Can.SET_PASSWORDS, self.station):
                raise PermissionDenied(_("Only administrators of the team can set the passwords of its stations."))
            if not fresh_proof.is_confirmed(request):
                return fresh_proof.redirect_to_proof(request, request.path)
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"password": credentials_services.generate_password()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        can_be_shown = self.station.password is not None
        return super().get_context_data(station=self.station, can_be_shown=can_be_shown, **kwargs)

    def perform(self, form: StationPasswordForm) -> HttpResponse:  # type: ignore[override]
        password = form.cleaned_data["password"]
        credentials_services.set_password(station=self.station, password=password, actor=self.request.user)  # type: ignore[arg-type]
        return show_credentials(self.request, self.station, password, is_new=False)


@login_required
@require_POST
def station_password_show(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Show the current password, for use when a station has been reset."""
    stations = ChargingStation.objects.reachable_by(request.user).select_related("team")
    station = get_object_or_404(stations.defer("password", "next_password"), pk=pk)
    if not fresh_proof.is_confirmed(request):
        return fresh_proof.redirect_to_proof(request, reverse("chargers:station_password", args=[pk]))
    try:
        password = credentials_services.reveal_password(station=station, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("chargers:station_password", pk)
    return show_credentials(request, station, password, is_new=None)
