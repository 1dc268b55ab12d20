"""Installations and their circuits in the API, by the same services as the pages."""

from __future__ import annotations

from typing import Any, cast

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access.rights import Can
from accounts.members.serializers import chosen_team
from accounts.models import User
from chargers.installations.forms import teams_for_new_installations
from chargers.installations.models import Circuit, Installation
from chargers.installations.serializers import (
    CircuitBody,
    CircuitChangeBody,
    CircuitDeactivateBody,
    CircuitSerializer,
    InstallationBody,
    InstallationChangeBody,
    InstallationSerializer,
)
from chargers.installations.services.circuits import (
    activate_circuit,
    deactivate_circuit,
    remove_circuit,
    save_circuit,
)
from chargers.installations.services.installations import add_installation, edit_installation
from cpms.common.api.views import ScopedViewSetMixin
from cpms.common.errors import NotAllowed, refuse


class InstallationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Installation]):
    """Installations and their circuits."""

    queryset = Installation.objects.select_related("team").prefetch_related("circuits")
    serializer_class = InstallationSerializer
    lookup_value_regex = r"\d{1,18}"

    @property
    def rights_by_method(self) -> dict[str, str]:  # type: ignore[override]
        if self.action in ("circuits", "circuit", "deactivate", "activate"):
            return dict.fromkeys(("POST", "PATCH", "DELETE"), Can.CONFIGURE_PLACES)
        return {"POST": Can.ADD_PLACES, "PATCH": Can.SEE_STATIONS}  # the service checks each field of a PATCH

    @extend_schema(request=InstallationBody, responses={201: InstallationSerializer})
    def create(self, request: Request) -> Response:
        """Add an installation to a team."""
        actor = cast(User, request.user)
        teams = teams_for_new_installations(actor)
        if not teams.exists():
            raise NotAllowed(_("Only administrators and service partners of a team can add installations."))
        fields = InstallationBody.read(request)
        place = add_installation(team=chosen_team(teams, fields.pop("team")), fields=fields, actor=actor)
        address = reverse("api:installation-detail", args=[place.pk], request=request)
        return Response(InstallationSerializer(place).data, status=201, headers={"Location": address})

    @extend_schema(request=InstallationChangeBody, responses=InstallationSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Edit an installation: owners its address and contacts, service partners its supply, administrators both."""
        place, actor = self.get_object(), cast(User, request.user)
        edit_installation(installation=place, fields=InstallationChangeBody.read(request), actor=actor)
        return Response(InstallationSerializer(self.get_object()).data)

    @extend_schema(request=CircuitBody, responses={201: CircuitSerializer})
    @action(detail=True, methods=["post"])
    def circuits(self, request: Request, pk: str) -> Response:
        """Add a circuit. Without a `parent` it is fed by the main breaker."""
        place = self._editable_installation()
        fields = CircuitBody.read(request)
        circuit = self._save(place, None, fields | {"parent": fields.get("parent")})
        return Response(CircuitSerializer(circuit).data, status=201)

    @extend_schema(methods=["PATCH"], request=CircuitChangeBody, responses=CircuitSerializer)
    @extend_schema(methods=["DELETE"], request=None, responses={204: None})
    @action(detail=True, methods=["patch", "delete"], url_path=r"circuits/(?P<circuit_id>\d{1,18})")
    def circuit(self, request: Request, pk: str, circuit_id: str) -> Response:
        """Edit a circuit, or delete one that feeds nothing."""
        place = self._editable_installation()
        circuit = get_object_or_404(place.circuits.select_related("installation"), pk=circuit_id)
        if request.method == "DELETE":
            remove_circuit(circuit=circuit, actor=cast(User, request.user))
            return Response(status=204)
        current = {"name": circuit.name, "max_current_a": circuit.max_current_a, "phases": circuit.phases}
        fields = current | {"parent": circuit.parent_id} | CircuitChangeBody.read(request)
        return Response(CircuitSerializer(self._save(place, circuit, fields)).data)

    @extend_schema(request=CircuitDeactivateBody, responses=CircuitSerializer)
    @action(detail=True, methods=["post"], url_path=r"circuits/(?P<circuit_id>\d{1,18})/deactivate")
    def deactivate(self, request: Request, pk: str, circuit_id: str) -> Response:
        """Deactivate a circuit, and move what it feeds to another one (`move_to`)."""
        place = self._editable_installation()
        circuit = get_object_or_404(place.circuits.select_related("installation"), pk=circuit_id)
        move_to = self._circuit(place, "move_to", CircuitDeactivateBody.read(request).get("move_to"))
        row = deactivate_circuit(circuit=circuit, move_to=move_to, actor=cast(User, request.user))
        return Response(CircuitSerializer(row).data)

    @extend_schema(request=None, responses=CircuitSerializer)
    @action(detail=True, methods=["post"], url_path=r"circuits/(?P<circuit_id>\d{1,18})/activate")
    def activate(self, request: Request, pk: str, circuit_id: str) -> Response:
        """Activate a circuit again."""
        place = self._editable_installation()
        circuit = get_object_or_404(place.circuits.select_related("installation"), pk=circuit_id)
        return Response(CircuitSerializer(activate_circuit(circuit=circuit, actor=cast(User, request.user))).data)

    def _editable_installation(self) -> Installation:
        place: Installation = self.get_object()
        if not cast(User, self.request.user).access.may(Can.CONFIGURE_PLACES, place):
            raise NotAllowed(_("Only administrators and service partners of the team can edit circuits."))
        return place

    def _save(self, place: Installation, circuit: Circuit | None, fields: dict[str, Any]) -> Circuit:
        parent = self._circuit(place, "parent", fields.pop("parent"))
        actor = cast(User, self.request.user)
        return save_circuit(installation=place, circuit=circuit, parent=parent, actor=actor, **fields)

    def _circuit(self, place: Installation, field: str, key: int | None) -> Circuit | None:
        if key is None:
            return None
        circuit = place.circuits.filter(pk=key).first()
        if circuit is None:
            refuse(field, _("The installation does not have this circuit."))
        return circuit
