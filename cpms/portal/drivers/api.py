"""API for drivers: their sessions and tags, the stations where they may charge, and start and stop."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.rights import Can
from accounts.models import User
from chargers.models import ChargingStation, Connector, Presence, Tag
from chargers.tags.api import TagSerializer
from cpms.common.api.views import ApiView
from cpms.portal.drivers.views import driver_stations, own_sessions, own_tags
from operations.commands.services.asking import request_command
from operations.models import Command
from sessions.ledger.serializers import SessionSerializer
from sessions.models import ChargingSession


class OwnConnectorSerializer(serializers.ModelSerializer[Connector]):
    class Meta:
        model = Connector
        fields = ["number", "status", "status_changed_at"]
        read_only_fields = fields


class OwnPlaceSerializer(serializers.ModelSerializer[ChargingStation]):
    """A station where the user may charge, with only what that requires."""

    installation = serializers.CharField(source="installation.name", read_only=True, allow_null=True, default=None)
    city = serializers.CharField(source="installation.city", read_only=True, allow_null=True, default=None)
    presence = serializers.ChoiceField(choices=Presence.choices, read_only=True)
    connectors = OwnConnectorSerializer(many=True, read_only=True)

    class Meta:
        model = ChargingStation
        fields = ["identity", "name", "installation", "city", "presence", "connectors"]
        read_only_fields = fields


class OwnStartSerializer(serializers.Serializer[Any]):
    connector = serializers.IntegerField(min_value=1, max_value=1000)
    tag = serializers.CharField(max_length=36, help_text="The number of one of your tags.")


class OwnCommandSerializer(serializers.ModelSerializer[Command]):
    """The state of a start or stop command."""

    class Meta:
        model = Command
        fields = ["id", "kind", "state", "requested_at", "expires_at"]
        read_only_fields = fields


class OwnListView(ApiView, generics.ListAPIView[Any]):
    right = Can.SEE_OWN

    @property
    def user(self) -> User:
        return cast(User, self.request.user)


class OwnSessionsView(OwnListView):
    """Sessions with your own tags at any station, newest first."""

    queryset = ChargingSession.objects.none()
    serializer_class = SessionSerializer
    newest_by = ("-started_at", "-id")

    def get_queryset(self) -> Any:
        return self.queryset if getattr(self, "swagger_fake_view", False) else own_sessions(self.user)


class OwnTagsView(OwnListView):
    """Your own tags."""

    queryset = Tag.objects.none()
    serializer_class = TagSerializer

    def get_queryset(self) -> Any:
        return self.queryset if getattr(self, "swagger_fake_view", False) else own_tags(self.user)


class OwnPlacesView(OwnListView):
    """Stations where you may only charge, with the status of their connectors."""

    queryset = ChargingStation.objects.none()
    serializer_class = OwnPlaceSerializer

    def get_queryset(self) -> Any:
        return self.queryset if getattr(self, "swagger_fake_view", False) else driver_stations(self.user)


class OwnStartView(ApiView):
    """Start a session at a station where you may charge, with one of your tags."""

    right = Can.CHARGE

    @extend_schema(request=OwnStartSerializer, responses={201: OwnCommandSerializer})
    def post(self, request: Request, identity: str) -> Response:
        user = cast(User, request.user)
        station = get_object_or_404(ChargingStation.objects.allowed(user, Can.CHARGE), identity=identity)
        serializer = OwnStartSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        tag = get_object_or_404(own_tags(user), value__iexact=serializer.validated_data["tag"])
        command = request_command(
            station=station,
            kind=Command.Kind.REMOTE_START,
            parameters={"connector": serializer.validated_data["connector"], "id_tag": tag.value},
            actor=user,
        )
        return Response(OwnCommandSerializer(command).data, status=201)


class OwnStopView(ApiView):
    """Stop one of your running sessions."""

    right = Can.CHARGE

    @extend_schema(request=None, responses={201: OwnCommandSerializer})
    def post(self, request: Request, pk: str) -> Response:
        user = cast(User, request.user)
        session = get_object_or_404(own_sessions(user).open(), pk=pk)
        command = request_command(
            station=session.station, kind=Command.Kind.REMOTE_STOP, parameters={"session": session.pk}, actor=user
        )
        return Response(OwnCommandSerializer(command).data, status=201)
