"""Tags that were refused at stations, in the API."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.rights import Can
from chargers.models import RefusedTag
from cpms.common.api.bodies import NoFields
from cpms.common.api.views import ScopedViewSetMixin
from sessions.adoption import services
from sessions.adoption.filtersets import RefusedTagFilterSet


class RefusedTagSerializer(serializers.ModelSerializer[RefusedTag]):
    """A tag that was presented at stations of a team and refused."""

    team = serializers.CharField(source="team.handle", read_only=True)
    station = serializers.CharField(
        source="station.identity", read_only=True, default=None, help_text=_("Where it was refused last.")
    )

    class Meta:
        model = RefusedTag
        fields = ["id", "team", "value", "tag", "reason", "state", "station", "first_at", "last_at", "times"]
        read_only_fields = fields


class RefusedTagViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[RefusedTag]):
    """Tags that were refused at stations of the user's teams. Their sessions are stored and not billed."""

    queryset = RefusedTag.objects.select_related("team", "station").defer("station__password")
    serializer_class = RefusedTagSerializer
    filterset_class = RefusedTagFilterSet
    lookup_value_regex = r"\d{1,18}"
    rights_by_method = {"POST": Can.OPERATE}

    @extend_schema(request=None, responses=RefusedTagSerializer)
    @action(detail=True, methods=["post"])
    def adopt(self, request: Request, pk: str) -> Response:
        """Add the tag to the team, and accept its sessions so that they can be billed."""
        NoFields.read(request)
        actor: Any = request.user
        services.adopt_tag(actor=actor, refused=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=RefusedTagSerializer)
    @action(detail=True, methods=["post"])
    def ignore(self, request: Request, pk: str) -> Response:
        """Ignore the tag from now on. Its sessions stay unauthorised."""
        NoFields.read(request)
        actor: Any = request.user
        services.ignore_tag(actor=actor, refused=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
