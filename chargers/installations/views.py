"""Pages of installations and their circuits."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access.rights import Can
from chargers.installations import panels
from chargers.installations.filtersets import InstallationFilterSet
from chargers.installations.forms import CircuitForm, InstallationAddForm, InstallationForm, teams_for_new_installations
from chargers.installations.models import Circuit, Installation
from chargers.installations.services.circuits import remove_circuit, save_circuit
from chargers.installations.services.installations import (
    INSTALLATION_FIELDS,
    add_installation,
    edit_installation,
    editable_fields,
)
from chargers.installations.tables import INSTALLATION_CELLS, InstallationTable
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web.pages import AuthenticatedRequest, DetailPage, FormPage, ListPage


class InstallationListView(ListPage):
    model = Installation
    table_class = InstallationTable
    filterset_class = InstallationFilterSet
    template_name = "chargers/installations/installation_list.html"
    export_name = "installations"
    export_cells = INSTALLATION_CELLS

    def rows(self) -> QuerySet[Any]:
        """Annotate each installation with the number of its stations that the user may see."""
        visible = ChargingStation.objects.visible_to(self.request.user).filter(installation=OuterRef("pk")).order_by()
        counted = visible.values("installation").annotate(n=Count("pk")).values("n")
        count = Coalesce(Subquery(counted, output_field=IntegerField()), 0)
        return super().rows().select_related("team").annotate(station_count=count)

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"may_add": teams_for_new_installations(self.request.user).exists()}  # type: ignore[arg-type]


class InstallationDetailView(DetailPage):
    model = Installation
    template_name = "chargers/installations/installation_detail.html"
    context_object_name = "installation"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("team")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        place: Installation = self.object
        return super().get_context_data(
            may_edit=bool(editable_fields(place, user)),
            may_share=user.access.may(Can.MANAGE_ACCESS, place),
            main=[panels.stations(place, user), panels.circuits(place, user)],
            aside=[panels.address(place)],
            **kwargs,
        )


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
        return super().get_context_data(installation=self.installation, **kwargs)


class InstallationEditView(InstallationFormPage):
    template_name = "chargers/installations/installation_form.html"
    form_class = InstallationForm
    right = Can.SEE_STATIONS

    def load(self, **kwargs: Any) -> None:
        if not editable_fields(self.installation, self.request.user):  # type: ignore[arg-type]
            sentence = _("Only administrators of the team, owners and service partners can edit this installation.")
            raise PermissionDenied(sentence)

    def get_form_kwargs(self) -> dict[str, Any]:
        instance = Installation.objects.get(pk=self.installation.pk)
        return super().get_form_kwargs() | {"instance": instance, "user": self.request.user}

    def perform(self, form: InstallationForm) -> HttpResponse:  # type: ignore[override]
        edit_installation(installation=self.installation, fields=form.cleaned_data, actor=self.request.user)  # type: ignore[arg-type]
        messages.success(self.request, _("Installation saved."))
        return redirect(self.installation)


class CircuitView(InstallationFormPage):
    """Add a circuit, or edit the one that the URL names."""

    template_name = "chargers/installations/circuit_form.html"
    form_class = CircuitForm
    right = Can.CONFIGURE_PLACES
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


@login_required
@require_http_methods(["GET", "POST"])
def circuit_remove(request: AuthenticatedRequest, pk: int, circuit: int) -> HttpResponse:
    installation = get_object_or_404(Installation.objects.visible_to(request.user), pk=pk)
    if not request.user.access.may(Can.CONFIGURE_PLACES, installation):
        raise PermissionDenied(_("Only administrators and service partners of the team can edit circuits."))
    row = get_object_or_404(installation.circuits.select_related("installation"), pk=circuit)
    if request.method == "GET":
        return render(
            request, "chargers/installations/circuit_remove.html", {"circuit": row, "installation": installation}
        )
    try:
        remove_circuit(circuit=row, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(installation)
    messages.success(request, _("Circuit removed."))
    return redirect(installation)
