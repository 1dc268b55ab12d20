"""Stations in the API: list, add, edit, set the password, hand over."""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
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
from accounts.sign_in import fresh_proof
from chargers.credentials.services import generate_password, set_password
from chargers.installations.models import Installation
from chargers.installations.services.placing import place_station
from chargers.onboarding.forms import installations_for_new_stations, teams_administered_by
from chargers.onboarding.serializers import (
    CredentialsSerializer,
    HandOverSerializer,
    IdentitySerializer,
    StationBody,
    StationChangeBody,
    StationPasswordBody,
)
from chargers.onboarding.services.handover import hand_over_station, handover_refusal, may_hand_over
from chargers.onboarding.services.naming import correct_identity
from chargers.onboarding.services.registration import add_station
from chargers.stations.filtersets import StationFilter
from chargers.stations.models import ChargingStation
from chargers.stations.serializers import StationSerializer
from chargers.stations.services.activity import set_station_active
from chargers.stations.services.adding import may_add_stations
from chargers.stations.services.naming import rename_station
from cpms.common.api.views import ScopedViewSetMixin
from cpms.common.errors import DomainError, NotAllowed

IDENTITY = r"[^/\x00-\x1f\x7f]+"  # percent-encoded in the address


class StationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[ChargingStation]):
    """Stations with their connectors, by identity."""

    queryset = (
        ChargingStation.objects.with_presence().select_related("team").prefetch_related("connectors").defer("password")
    )
    serializer_class = StationSerializer
    filterset_class = StationFilter
    lookup_field = "identity"
    lookup_value_regex = IDENTITY
    rights_by_method = {"POST": Can.ADD_STATIONS}

    @extend_schema(request=StationBody, responses={201: CredentialsSerializer})
    def create(self, request: Request) -> Response:
        """Add a station to a team. The answer contains its password, which is not shown again."""
        actor = cast(User, request.user)
        if not may_add_stations(actor):
            raise NotAllowed(
                _("Only administrators of a team and service partners of an installation can add stations.")
            )
        data = StationBody.read(request)
        installation = self._installation(data.pop("installation", None), installations_for_new_stations(actor))
        handle = data.pop("team")
        team = installation.team if installation and not handle else chosen_team(teams_administered_by(actor), handle)
        data["password"] = data["password"] or generate_password()
        self._require_free_identity(data["identity"])
        station = add_station(team=team, installation=installation, actor=actor, **data)
        return self._credentials(station, data["password"], 201)

    @extend_schema(request=StationChangeBody, responses=StationSerializer)
    def partial_update(self, request: Request, identity: str) -> Response:
        """Edit a station's name, installation or circuit, or deactivate or activate it."""
        station, actor = self.get_object(), cast(User, request.user)
        if not actor.access.may(Can.NAME, station):
            raise NotAllowed(_("Only operators and administrators of the team can edit its stations."))
        data = StationChangeBody.read(request)
        with transaction.atomic():
            if "name" in data:
                rename_station(station=station, name=data["name"], actor=actor)
            if "installation" in data or "circuit" in data:
                self._place(station, data, actor)
            if "is_active" in data:
                set_station_active(station=station, is_active=data["is_active"], actor=actor)
        return Response(StationSerializer(self.get_queryset().get(pk=station.pk)).data)

    @extend_schema(request=StationPasswordBody, responses=CredentialsSerializer)
    @action(detail=True, methods=["post"])
    def password(self, request: Request, identity: str) -> Response:
        """Set the password that the station signs in with; from then on only this one is accepted."""
        station, actor = self.get_object(), cast(User, request.user)
        if not actor.access.may(Can.SET_PASSWORDS, station):
            raise NotAllowed(_("Only administrators of the team can set the passwords of its stations."))
        if request.auth is None and not fresh_proof.is_confirmed(request._request):  # a browser's session
            raise NotAllowed(
                _("This sets the station's password. Confirm in the portal that it is you, or use an API token.")
            )
        password = StationPasswordBody.read(request)["password"] or generate_password()
        set_password(station=station, password=password, actor=actor)
        return self._credentials(station, password, 200)

    @extend_schema(request=HandOverSerializer, responses=StationSerializer)
    @action(detail=True, methods=["post"])
    def hand_over(self, request: Request, **kwargs: Any) -> Response:
        """Hand the station over to another team; its history stays with the old one."""
        station, actor = self.get_object(), cast(User, request.user)
        if not may_hand_over(actor, station):
            raise NotAllowed(handover_refusal())
        handle = HandOverSerializer.read(request)["team"]
        team = teams_administered_by(actor).filter(handle=handle).first()
        if team is None:
            sentence = _("Enter the handle of a team that you administer.")
            raise DomainError(sentence, fields={"team": sentence})
        new = hand_over_station(station=station, team=team, actor=actor)
        return Response(StationSerializer(self.get_queryset().get(pk=new.pk)).data)

    @extend_schema(request=IdentitySerializer, responses=StationSerializer)
    @action(detail=True, methods=["post"])
    def correct_identity(self, request: Request, **kwargs: Any) -> Response:
        """Correct the identity of a station that connects with another one; its history is kept."""
        station, actor = self.get_object(), cast(User, request.user)
        if not actor.access.may(Can.SET_PASSWORDS, station):
            raise NotAllowed(_("You cannot edit the identity of this station."))
        identity = IdentitySerializer.read(request)["identity"]
        corrected = correct_identity(station=station, identity=identity, actor=actor)
        return Response(StationSerializer(self.get_queryset().get(pk=corrected.pk)).data)

    def _place(self, station: ChargingStation, data: dict[str, Any], actor: User) -> None:
        """Move a station. If an installation is given without a circuit, the circuit is cleared."""
        installation, circuit = station.installation, station.circuit
        if "installation" in data:
            installation = self._installation(data["installation"], Installation.objects.reachable_by(actor))
            circuit = circuit if installation == station.installation else None
        if data.get("circuit") is not None:
            circuit = installation.circuits.filter(pk=data["circuit"]).first() if installation else None
            if circuit is None:
                sentence = _("The installation does not have this circuit.")
                raise DomainError(sentence, fields={"circuit": sentence})
        elif "circuit" in data:
            circuit = None
        place_station(station=station, installation=installation, circuit=circuit, actor=actor)

    def _installation(self, key: int | None, allowed: QuerySet[Installation]) -> Installation | None:
        if key is None:
            return None
        found = allowed.select_related("team").filter(pk=key).first()
        if found is None:
            sentence = _("There is no such installation.")
            raise DomainError(sentence, fields={"installation": sentence})
        return found

    def _require_free_identity(self, identity: str) -> None:
        if ChargingStation.objects.filter(identity=identity).exclude(team=None).exists():
            sentence = _("The identity “%(identity)s” is taken.") % {"identity": identity}
            raise DomainError(sentence, fields={"identity": sentence})

    def _credentials(self, station: ChargingStation, password: str, status: int) -> Response:
        address = reverse("api:station-detail", args=[station.identity], request=self.request)
        document = CredentialsSerializer({"identity": station.identity, "password": password}).data
        return Response(document, status=status, headers={"Location": address, "Cache-Control": "no-store"})
