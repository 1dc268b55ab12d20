"""Pages of installations and their circuits."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.access.rights import Can
from chargers.installations import panels
from chargers.installations.filtersets import InstallationFilterSet
from chargers.installations.forms import (
    CircuitDeactivateForm,
    CircuitForm,
    InstallationAddForm,
    InstallationForm,
    PlaceStationsForm,
    teams_for_new_installations,
)
from chargers.installations.models import Circuit, Installation
from chargers.installations.services.circuits import (
    activate_circuit,
    deactivate_circuit,
    fed_by,
    remove_circuit,
    save_circuit,
)
from chargers.installations.services.health import with_station_counts
from chargers.installations.services.installations import (
    INSTALLATION_FIELDS,
    add_installation,
    edit_installation,
    editable_fields,
)
from chargers.installations.services.placing import MAX_OFFERED, place_station, placeable_stations
from chargers.installations.tables import CIRCUIT_COLUMN, INSTALLATION_CELLS, InstallationTable
from chargers.stations.panels import StationList
from cpms.common.errors import DomainError
from cpms.common.web.pages import AuthenticatedRequest, DetailPage, FormPage, ListPage, add_errors

MAX_FED = 20  # stations that the dialog of a deactivation names


class InstallationListView(ListPage):
    model = Installation
    table_class = InstallationTable
    filterset_class = InstallationFilterSet
    template_name = "chargers/installations/installation_list.html"
    export_name = "installations"
    export_cells = INSTALLATION_CELLS

    def rows(self) -> QuerySet[Any]:
        return with_station_counts(super().rows().select_related("team"), self.request.user)  # type: ignore[arg-type]

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"may_add": teams_for_new_installations(self.request.user).exists()}  # type: ignore[arg-type]


class InstallationDetailView(DetailPage):
    """The overview of an installation: what is wrong here, the circuits, and the address."""

    model = Installation
    template_name = "chargers/installations/installation_detail.html"
    context_object_name = "installation"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("team")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        place: Installation = self.object
        figures, attention = panels.live(place, user)
        return super().get_context_data(
            figures=figures,
            main=[attention, panels.circuits(place, user, hides_deactivated="deactivated" not in self.request.GET)],
            aside=panels.facts(place),
            **panels.page_context(place, user, "installation_detail"),
            **kwargs,
        )


class InstallationLiveView(DetailPage):
    """Renders the live panels of the overview again, for an open page."""

    model = Installation
    template_name = "panels.html"
    extra_context = {"is_live": True}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        return super().get_context_data(panels=panels.live(self.object, user), **kwargs)


class InstallationStationsView(StationList):
    """The stations of one installation."""

    template_name = "chargers/installations/installation_stations.html"
    extra_columns = (CIRCUIT_COLUMN,)
    hidden_columns = ("team",)
    installation: Installation

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        reachable = Installation.objects.reachable_by(request.user).select_related("team")
        self.installation = get_object_or_404(reachable, pk=kwargs["pk"])
        return super().get(request, **kwargs)

    def rows(self) -> QuerySet[Any]:
        return super().rows().filter(installation=self.installation).select_related("team", "circuit")

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        user: Any = self.request.user
        may_place = user.access.may(Can.CONFIGURE_PLACES, self.installation)
        return panels.page_context(self.installation, user, "installation_stations") | {"may_place": may_place}


class InstallationAddView(FormPage):
    template_name = "chargers/installations/installation_form.html"
    form_class = InstallationAddForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not teams_for_new_installations(request.user).exists():
            raise PermissionDenied(_("Only administrators and service partners of a team can add installations."))
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    def perform(self, form: InstallationAddForm) -> HttpResponse:  # type: ignore[override]
        fields = {name: form.cleaned_data[name] for name in INSTALLATION_FIELDS}
        place = add_installation(team=form.chosen_team, fields=fields, actor=self.request.user)  # type: ignore[arg-type]
        messages.success(self.request, _("Installation added."))
        return redirect(place)


class InstallationFormPage(FormPage):
    """A form about one installation."""

    right: str
    refusal: Any = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = Installation.objects.visible_to(request.user).select_related("team")
            self.installation: Installation = get_object_or_404(rows, pk=kwargs["pk"])
            if not request.user.access.may(self.right, self.installation):
                raise PermissionDenied(self.refusal)
            self.load(**kwargs)
        return super().dispatch(request, *args, **kwargs)

    def load(self, **kwargs: Any) -> None:
        """Load other objects that the URL names; here none."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"installation": self.installation} | kwargs)


class InstallationEditView(InstallationFormPage):
    template_name = "chargers/installations/installation_settings.html"
    form_class = InstallationForm
    right = Can.SEE_STATIONS

    def load(self, **kwargs: Any) -> None:
        if not editable_fields(self.installation, self.request.user):  # type: ignore[arg-type]
            sentence = _("Only administrators of the team, owners and service partners can edit this installation.")
            raise PermissionDenied(sentence)

    def get_form_kwargs(self) -> dict[str, Any]:
        instance = Installation.objects.get(pk=self.installation.pk)
        return super().get_form_kwargs() | {"instance": instance, "user": self.request.user}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        return super().get_context_data(**panels.page_context(self.installation, user, "installation_edit"), **kwargs)

    def perform(self, form: InstallationForm) -> HttpResponse:  # type: ignore[override]
        edit_installation(installation=self.installation, fields=form.cleaned_data, actor=self.request.user)  # type: ignore[arg-type]
        messages.success(self.request, _("Installation saved."))
        return redirect(self.installation)


class CircuitView(InstallationFormPage):
    """Add a circuit, or edit the one that the URL names."""

    template_name = "chargers/installations/circuit_form.html"
    form_class = CircuitForm
    right = Can.CONFIGURE_PLACES
    refusal = gettext_lazy("Only administrators and service partners of the team can edit circuits.")
    circuit: Circuit | None = None

    def load(self, **kwargs: Any) -> None:
        if "circuit" in kwargs:
            self.circuit = get_object_or_404(self.installation.circuits, pk=kwargs["circuit"])

    def get_form_kwargs(self) -> dict[str, Any]:
        instance = Circuit.objects.get(pk=self.circuit.pk) if self.circuit else None
        return super().get_form_kwargs() | {"installation": self.installation, "instance": instance}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(circuit=self.circuit, **kwargs)

    def perform(self, form: CircuitForm) -> HttpResponse:  # type: ignore[override]
        save_circuit(
            installation=self.installation,
            circuit=self.circuit,
            actor=self.request.user,  # type: ignore[arg-type]
            **form.cleaned_data,
        )
        messages.success(self.request, _("Circuit saved."))
        return redirect(self.installation)


class PlaceStationsView(InstallationFormPage):
    """Move stations of the team to an installation, or to the circuit that the URL names."""

    template_name = "chargers/installations/place_stations.html"
    form_class = PlaceStationsForm
    right = Can.CONFIGURE_PLACES
    refusal = gettext_lazy("Only administrators and service partners of the team can edit circuits.")
    circuit: Circuit | None = None

    def load(self, **kwargs: Any) -> None:
        if "circuit" in kwargs:
            active = self.installation.circuits.filter(deactivated_at=None)
            self.circuit = get_object_or_404(active, pk=kwargs["circuit"])

    def get_form_kwargs(self) -> dict[str, Any]:
        find = self.request.GET.get("find", "").strip()[:120]
        actor: Any = self.request.user
        stations = placeable_stations(installation=self.installation, circuit=self.circuit, actor=actor, find=find)
        return super().get_form_kwargs() | {"stations": stations}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        find = self.request.GET.get("find", "")
        return super().get_context_data(circuit=self.circuit, find=find, most=MAX_OFFERED, **kwargs)

    def perform(self, form: PlaceStationsForm) -> HttpResponse:  # type: ignore[override]
        stations = form.cleaned_data["stations"]
        actor: Any = self.request.user
        with transaction.atomic():
            for station in stations:
                place_station(station=station, installation=self.installation, circuit=self.circuit, actor=actor)
        count = len(stations)
        text = ngettext("%(n)d station moved to %(place)s.", "%(n)d stations moved to %(place)s.", count)
        place = self.circuit.name if self.circuit else self.installation.name
        messages.success(self.request, text % {"n": count, "place": place})
        return redirect(self.installation)


def _circuit_of(request: AuthenticatedRequest, pk: int, circuit: int) -> Circuit:
    """Return the circuit that the URL names, if the user may edit it."""
    installation = get_object_or_404(Installation.objects.reachable_by(request.user), pk=pk)
    if not request.user.access.may(Can.CONFIGURE_PLACES, installation):
        raise PermissionDenied(_("Only administrators and service partners of the team can edit circuits."))
    row: Circuit = get_object_or_404(installation.circuits.select_related("installation"), pk=circuit)
    return row


@login_required
@require_http_methods(["GET", "POST"])
def circuit_remove(request: AuthenticatedRequest, pk: int, circuit: int) -> HttpResponse:
    row = _circuit_of(request, pk, circuit)
    if request.method == "GET":
        context = {"circuit": row, "installation": row.installation}
        return render(request, "chargers/installations/circuit_remove.html", context)
    try:
        remove_circuit(circuit=row, actor=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Circuit removed."))
    return redirect(row.installation)


@login_required
@require_http_methods(["GET", "POST"])
def circuit_deactivate(request: AuthenticatedRequest, pk: int, circuit: int) -> HttpResponse:
    """Ask what happens to all that hangs on a circuit, and deactivate it."""
    row = _circuit_of(request, pk, circuit)
    if request.method == "GET":
        return _deactivation_dialog(request, CircuitDeactivateForm(circuit=row), row)
    form = CircuitDeactivateForm(request.POST, circuit=row)
    if not form.is_valid():
        return _deactivation_dialog(request, form, row, status=422)
    try:
        deactivate_circuit(circuit=row, move_to=form.cleaned_data.get("move_to"), actor=request.user)
    except DomainError as error:
        add_errors(form, error)
        return _deactivation_dialog(request, form, row, status=422)
    messages.success(request, _("Circuit “%(name)s” deactivated.") % {"name": row.name})
    if request.htmx:
        return HttpResponseClientRedirect(row.installation.get_absolute_url())
    return redirect(row.installation)


def _deactivation_dialog(
    request: AuthenticatedRequest, form: CircuitDeactivateForm, circuit: Circuit, status: int = 200
) -> HttpResponse:
    children, stations = fed_by(circuit)
    context = {
        "form": form,
        "circuit": circuit,
        "installation": circuit.installation,
        "fed": [*children, *stations[:MAX_FED]],
        "more": max(0, len(stations) - MAX_FED),
        "is_blocked": bool(children or stations) and not form.has_other_circuit,
    }
    template = "chargers/installations/circuit_deactivate.html"
    return render(request, f"{template}#dialog" if request.htmx else template, context, status=status)


@login_required
@require_POST
def circuit_activate(request: AuthenticatedRequest, pk: int, circuit: int) -> HttpResponse:
    row = _circuit_of(request, pk, circuit)
    try:
        activate_circuit(circuit=row, actor=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Circuit “%(name)s” activated.") % {"name": row.name})
    return redirect(row.installation)
