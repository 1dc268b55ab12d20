"""The user's own groups of stations in the API."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db.models import Count, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access.rights import Can
from accounts.models import User
from chargers.groups.models import StationGroup
from chargers.groups.services import groups
from chargers.stations.models import ChargingStation
from chargers.stations.serializers import IdentitiesField, stations_by_identity
from cpms.common.api.bodies import RequestSerializer
from cpms.common.api.views import ScopedViewSetMixin


class GroupSerializer(serializers.ModelSerializer[StationGroup]):
    """A group as the list shows it."""

    station_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = StationGroup
        fields = ["id", "name", "station_count"]
        read_only_fields = fields


class GroupDetailSerializer(serializers.ModelSerializer[StationGroup]):
    """A group with the identities of its stations, as far as the user may see them."""

    stations = serializers.SerializerMethodField()

    class Meta:
        model = StationGroup
        fields = ["id", "name", "stations"]
        read_only_fields = fields

    def get_stations(self, group: StationGroup) -> list[str]:
        visible = ChargingStation.objects.reachable_by(self.context["user"]).filter(groups=group)
        return list(visible.order_by("identity").values_list("identity", flat=True))


class GroupRequestSerializer(RequestSerializer):
    name = serializers.CharField(
        max_length=120, help_text=_("Only the user who created a group sees it, and operators who select it for a tag.")
    )
    stations = IdentitiesField(default=list, help_text=_("Identities of the stations in the group."))


class GroupChangeSerializer(RequestSerializer):
    name = serializers.CharField(max_length=120, required=False)
    stations = IdentitiesField(required=False, help_text=_("Replaces the stations in the group."))


class GroupFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("part of the name"))
    station = django_filters.CharFilter(field_name="stations__identity", label=_("identity of a station in the group"))

    class Meta:
        model = StationGroup
        fields: list[str] = []


class GroupViewSet(
    ScopedViewSetMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[StationGroup]
):
    """The user's own groups of stations. An application of a team has its own groups."""

    queryset = StationGroup.objects.all()
    serializer_class = GroupSerializer
    filterset_class = GroupFilter
    lookup_value_regex = r"\d{1,18}"
    personal_rights = dict.fromkeys(("POST", "PATCH", "DELETE"), Can.OPERATE)  # read-only users change nothing

    def get_queryset(self) -> QuerySet[StationGroup]:
        rows: QuerySet[StationGroup] = super().get_queryset()
        return rows.annotate(station_count=Count("stations", distinct=True)) if self.action == "list" else rows

    @extend_schema(responses=GroupDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One group with its stations."""
        return self._detail_response(self.get_object())

    @extend_schema(request=GroupRequestSerializer, responses={201: GroupDetailSerializer})
    def create(self, request: Request) -> Response:
        """Create a group."""
        data = GroupRequestSerializer.read(request)
        user = cast(User, request.user)
        stations = stations_by_identity(data["stations"], user)
        group = groups.create_group(user=user, name=data["name"], stations=stations)
        response = self._detail_response(group, 201)
        response["Location"] = reverse("api:group-detail", args=[group.pk], request=request)
        return response

    @extend_schema(request=GroupChangeSerializer, responses=GroupDetailSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Edit the name or the stations of a group."""
        group = self.get_object()
        data = GroupChangeSerializer.read(request)
        identities = data.get("stations")
        stations = None if identities is None else stations_by_identity(identities, cast(User, request.user))
        return self._detail_response(
            groups.edit_group(group=group, name=data.get("name", group.name), stations=stations)
        )

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the group; its stations stay."""
        groups.delete_group(group=self.get_object())
        return Response(status=204)

    def _detail_response(self, group: StationGroup, status: int = 200) -> Response:
        return Response(GroupDetailSerializer(group, context={"user": self.request.user}).data, status=status)
