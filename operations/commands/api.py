"""API for commands: list them, send one, and wait for its result."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Any, cast

from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access.rights import Can
from accounts.models import User
from accounts.sign_in import fresh_proof
from chargers.models import ChargingStation
from cpms.common.api.views import ScopedViewSetMixin
from operations.commands.filtersets import CommandFilter, StationCommandFilter
from operations.commands.models import Command
from operations.commands.serializers import CommandRequestSerializer, CommandSerializer, WaitSerializer
from operations.commands.services import asking

# A waiting request holds a database connection, so at most half of the pool may wait.
_wait_slots = BoundedSemaphore(max(1, settings.DATABASE_POOL_SIZE // 2))
COMMANDS = Command.objects.select_related("station", "requested_by").defer("station__password")


class CommandViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Command]):
    """Commands to stations and their results."""

    queryset = COMMANDS
    serializer_class = CommandSerializer
    filterset_class = CommandFilter
    lookup_value_regex = r"\d{1,19}"


@extend_schema_view(
    get=extend_schema(operation_id="stations_commands_list", tags=["commands"]),
    post=extend_schema(
        operation_id="stations_commands_create",
        tags=["commands"],
        request=CommandRequestSerializer,
        responses={201: CommandSerializer},
        parameters=[
            OpenApiParameter(
                "wait",
                float,
                description="Seconds to wait for the station's answer, at most 60. The command is answered as it is "
                "then. If too many requests are waiting, it is answered immediately.",
            )
        ],
    ),
)
class StationCommandsView(ScopedViewSetMixin, generics.ListCreateAPIView[Command]):
    """Commands to one station: list them or send one."""

    queryset = COMMANDS
    serializer_class = CommandSerializer
    filterset_class = StationCommandFilter
    rights_by_method = {"POST": Can.OPERATE}

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        return queryset.filter(station=self._station())

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        station = self._station()
        wait = WaitSerializer(data={"wait": request.query_params.get("wait", 0)})
        wait.is_valid(raise_exception=True)
        data = CommandRequestSerializer.read(request)
        command = _wait(_request_command(station, data, request), wait.validated_data["wait"])
        address = reverse("api:command-detail", args=[command.pk], request=request)
        body = CommandSerializer(command, context=self.get_serializer_context()).data
        return Response(body, status=201, headers={"Location": address})

    def _station(self) -> ChargingStation:
        stations = ChargingStation.objects.reachable_by(self.request.user).select_related("node").defer("password")
        return get_object_or_404(stations, identity=self.kwargs["identity"])


def _request_command(station: ChargingStation, data: dict[str, Any], request: Request) -> Command:
    options: dict[str, Any] = {"actor": cast(User, request.user), "expires_in": data["expires_in"]}
    # A token proves the user's identity; a browser session needs a recent confirmation.
    options["may_set_password"] = request.auth is not None or fresh_proof.is_confirmed(request._request)
    if "kind" in data:
        return asking.request_command(station=station, kind=data["kind"], parameters=data["parameters"], **options)
    return asking.request_raw_command(station=station, action=data["action"], payload=data["payload"], **options)


def _wait(command: Command, seconds: float) -> Command:
    """Wait for the result if a slot is free, else return the command as it is."""
    if not seconds or not _wait_slots.acquire(blocking=False):
        return command
    try:
        return asking.wait_for(command, seconds=seconds)
    finally:
        _wait_slots.release()
