from __future__ import annotations

from typing import Any, cast

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.rights import Can
from chargers.api_filters import ConnectorFilter, StationFilter
from chargers.forms import teams_administered_by
from chargers.models import ChargingStation, Connector, Installation
from chargers.serializers import (
    ConnectorSerializer,
    HandOverSerializer,
    IdentitySerializer,
    InstallationSerializer,
    StationSerializer,
)
from chargers.services import hand_over_station
from chargers.services.handover import may_hand_over, who_may_hand_over
from chargers.services.naming import correct_identity
from cpms.common.api_views import ScopedViewSetMixin
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

    @extend_schema(request=HandOverSerializer, responses=StationSerializer)
    @action(detail=True, methods=["post"])
    def hand_over(self, request: Request, **kwargs: Any) -> Response:
        """Give the station to another team; what it reported until now stays with the old one (Vi8)."""
        station, actor = self.get_object(), cast(User, request.user)
        if not may_hand_over(actor, station):
            raise NotAllowed(who_may_hand_over())
        wanted = HandOverSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        team = teams_administered_by(actor).filter(handle=wanted.validated_data["team"]).first()
        if team is None:
            sentence = _("Name a team that you administer, by its handle.")
            raise DomainError(sentence, fields={"team": sentence})
        new = hand_over_station(station=station, team=team, actor=actor)
        return Response(StationSerializer(self.get_queryset().get(pk=new.pk)).data)

    @extend_schema(request=IdentitySerializer, responses=StationSerializer)
    @action(detail=True, methods=["post"])
    def correct_identity(self, request: Request, **kwargs: Any) -> Response:
        """Correct the identity of a station that is set to another one; what it reported stays its own."""
        station, actor = self.get_object(), cast(User, request.user)
        if not actor.may(Can.SET_PASSWORDS, station):
            raise NotAllowed(_("You may not change the identity of this station."))
        wanted = IdentitySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        same = correct_identity(station=station, identity=wanted.validated_data["identity"], actor=actor)
        return Response(StationSerializer(self.get_queryset().get(pk=same.pk)).data)


class ConnectorViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Connector]):
    """Connectors and what they last reported."""

    queryset = Connector.objects.select_related("station").defer("station__password")
    serializer_class = ConnectorSerializer
    filterset_class = ConnectorFilter
    lookup_value_regex = r"\d{1,19}"


class InstallationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Installation]):
    """Places with stations, and the circuits that feed these."""

    queryset = Installation.objects.select_related("team").prefetch_related("circuits")
    serializer_class = InstallationSerializer
    lookup_value_regex = r"\d{1,18}"
