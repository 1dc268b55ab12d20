"""Access to installations and stations in the API, by the same services as the pages."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access.rights import GrantRole
from accounts.members.serializers import InvitationSerializer
from accounts.models import Grant, User
from chargers.grants.services import driver_tags
from chargers.grants.services.grants import (
    create_grant,
    edit_grant,
    find_place,
    has_no_account,
    invite_driver,
    withdraw_grant,
)
from chargers.tags.models import Tag
from chargers.tags.services.adding import MAX_TAG_LENGTH
from cpms.common.api.bodies import RequestSerializer
from cpms.common.api.views import ScopedViewSetMixin
from cpms.common.errors import NotAllowed


class GrantSerializer(serializers.ModelSerializer[Grant]):
    """Access. Either `station` or `installation` is set, and either `email` or `to_team`."""

    team = serializers.CharField(
        source="team.handle", read_only=True, help_text=_("Handle of the team that owns the installation or station.")
    )
    station = serializers.CharField(source="station.identity", read_only=True, allow_null=True, default=None)
    email = serializers.CharField(source="user.email", read_only=True, allow_null=True, default=None)
    to_team = serializers.CharField(source="to_team.handle", read_only=True, allow_null=True, default=None)
    given_by = serializers.CharField(source="created_by.signature", read_only=True, allow_null=True, default=None)
    is_active = serializers.BooleanField(read_only=True)

    class Meta:
        model = Grant
        fields = [
            "id",
            "team",
            "installation",
            "station",
            "role",
            "email",
            "to_team",
            "is_active",
            "ends_at",
            "withdrawn_at",
            "created_at",
            "given_by",
        ]
        read_only_fields = fields


class GrantRequestSerializer(RequestSerializer):
    station = serializers.CharField(
        max_length=48, default="", allow_blank=True, help_text=_("Identity of the station.")
    )
    installation = serializers.IntegerField(min_value=1, max_value=2**63 - 1, default=None, allow_null=True)
    email = serializers.EmailField(max_length=254, default="", allow_blank=True)
    to_team = serializers.CharField(
        max_length=60, default="", allow_blank=True, help_text=_("Handle of the team that receives access.")
    )
    role = serializers.ChoiceField(choices=GrantRole.choices)
    ends_at = serializers.DateTimeField(default=None, allow_null=True)


class GrantChangeSerializer(RequestSerializer):
    role = serializers.ChoiceField(choices=GrantRole.choices, required=False)
    ends_at = serializers.DateTimeField(allow_null=True, required=False)


class DriverTagBody(RequestSerializer):
    value = serializers.CharField(
        max_length=MAX_TAG_LENGTH, default="", allow_blank=True, help_text=_("Leave empty to create a virtual tag.")
    )
    label = serializers.CharField(max_length=120, default="", allow_blank=True)  # type: ignore[assignment]
    is_teams = serializers.BooleanField(
        default=False,
        help_text=_("Whether the tag belongs to the team; otherwise it belongs to the user and to no team."),
    )


class DriverTagSerializer(serializers.ModelSerializer[Tag]):
    team = serializers.CharField(source="team.handle", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Tag
        fields = ["id", "team", "value", "label", "status", "expires_at"]
        read_only_fields = fields


class GrantFilter(django_filters.FilterSet):
    station = django_filters.CharFilter(field_name="station__identity", label=_("identity of the station"))
    is_active = django_filters.BooleanFilter(method="filter_is_active", label=_("whether the access is active"))

    class Meta:
        model = Grant
        fields = ["role"]

    def filter_is_active(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        if value:
            return queryset.active()  # type: ignore[attr-defined]
        return queryset.filter(Q(withdrawn_at__isnull=False) | Q(ends_at__lte=timezone.now()))


class GrantViewSet(
    ScopedViewSetMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Grant]
):
    """Access of other users and teams to installations and stations, with its role and end."""

    queryset = Grant.objects.select_related("installation", "station", "user", "to_team", "team", "created_by").defer(
        "station__password", "station__next_password"
    )
    serializer_class = GrantSerializer
    filterset_class = GrantFilter
    lookup_value_regex = r"\d{1,18}"

    @extend_schema(request=GrantRequestSerializer, responses={201: GrantSerializer, 202: InvitationSerializer})
    def create(self, request: Request) -> Response:
        """Grant access; the recipient is notified by e-mail. With the role user, an address without an account is
        invited: the answer is 202 and the invitation, and access starts when it is accepted."""
        data, actor = GrantRequestSerializer.read(request), cast(User, request.user)
        place = find_place(actor=actor, station=data.pop("station"), installation=data.pop("installation"))
        if data["role"] == GrantRole.USER and not data["to_team"] and has_no_account(data["email"]):
            invitation = invite_driver(place=place, email=data["email"], ends_at=data["ends_at"], actor=actor)
            return Response(InvitationSerializer(invitation).data, status=202)
        grant = create_grant(place=place, actor=actor, **data)
        address = reverse("api:grant-detail", args=[grant.pk], request=request)
        return Response(GrantSerializer(grant).data, status=201, headers={"Location": address})

    @extend_schema(request=GrantChangeSerializer, responses=GrantSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Edit the role or the end of an access."""
        grant = self.get_object()
        fields = {"role": grant.role, "ends_at": grant.ends_at} | GrantChangeSerializer.read(request)
        changed = edit_grant(grant=grant, actor=cast(User, request.user), **fields)
        return Response(GrantSerializer(changed).data)

    @extend_schema(methods=["GET"], responses=DriverTagSerializer(many=True), filters=False)
    @extend_schema(methods=["POST"], request=DriverTagBody, responses={201: DriverTagSerializer})
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def tags(self, request: Request, pk: str) -> Response:
        """List the tags of a user who was granted the right to charge; POST gives the user another tag."""
        grant, actor = self.get_object(), cast(User, request.user)
        if not driver_tags.may_give_tags(actor, grant):
            raise NotAllowed(gettext("You cannot give this person a tag."))
        if request.method == "GET":
            return Response(DriverTagSerializer(driver_tags.tags_of(grant), many=True).data)
        data = DriverTagBody.read(request)
        tag = driver_tags.give_tag(grant=grant, actor=actor, **data)
        return Response(DriverTagSerializer(tag).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Revoke an access; it stays in the list."""
        withdraw_grant(grant=self.get_object(), actor=cast(User, request.user))
        return Response(status=204)
