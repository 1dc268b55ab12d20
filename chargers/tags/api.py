"""The tags of the user's teams in the API, by the same services as the pages."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access.rights import Can
from accounts.members.serializers import chosen_team
from accounts.models import Team, User
from chargers.stations.serializers import IdentitiesField, stations_by_identity
from chargers.tags.models import Tag
from chargers.tags.services import editing
from chargers.tags.services.adding import MAX_TAG_LENGTH
from chargers.tags.services.finding import search_tags
from cpms.common.api.bodies import RequestSerializer
from cpms.common.api.views import ScopedViewSetMixin
from cpms.common.errors import DomainError, NotAllowed

TAG_FIELDS = ["id", "team", "value", "label", "status", "kind", "expires_at", "person", "created_at"]


class TagSerializer(serializers.ModelSerializer[Tag]):
    """A tag as the list shows it; without stations it is valid at all stations of its team."""

    team = serializers.CharField(source="team.handle", read_only=True, allow_null=True, default=None)
    person = serializers.CharField(source="user.email", read_only=True, allow_null=True, default=None)
    station_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Tag
        fields = [*TAG_FIELDS, "station_count"]
        read_only_fields = fields


class TagDetailSerializer(TagSerializer):
    """A tag with the only stations where it is valid; none: all stations of its team."""

    stations = serializers.SerializerMethodField()

    class Meta:
        model = Tag
        fields = [*TAG_FIELDS, "stations"]
        read_only_fields = fields

    def get_stations(self, tag: Tag) -> list[str]:
        return list(tag.stations.order_by("identity").values_list("identity", flat=True))


class TagChangeSerializer(RequestSerializer):
    value = serializers.CharField(
        max_length=36,
        required=False,
        help_text=_("1 to 20 characters; a longer existing value can be kept. Not case-sensitive."),
    )
    label = serializers.CharField(max_length=120, allow_blank=True, required=False)  # type: ignore[assignment]
    kind = serializers.ChoiceField(
        choices=Tag.Kind.choices, required=False, help_text=_("For information only; it has no effect on charging.")
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, required=False, help_text=_("The tag is refused from this time on.")
    )
    stations = IdentitiesField(
        required=False,
        help_text=_("Identities of the only stations where the tag is valid; empty for all stations of the team."),
    )
    status = serializers.ChoiceField(choices=Tag.Status.choices, required=False)
    person = serializers.EmailField(
        max_length=254,
        allow_null=True,
        required=False,
        help_text=_("E-mail address of the holder: a member of the team or a user with access granted by it."),
    )


class TagRequestSerializer(TagChangeSerializer):
    team = serializers.CharField(
        max_length=60,
        default="",
        allow_blank=True,
        help_text=_("Handle of the team. Required if you operate more than one team."),
    )
    value = serializers.CharField(
        max_length=MAX_TAG_LENGTH, default="", allow_blank=True, help_text=_("Leave empty to create a virtual tag.")
    )


class TagFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="filter_q", label=_("part of the value, label or person"))
    value = django_filters.CharFilter(lookup_expr="iexact", label=_("the whole value, not case-sensitive"))
    is_valid = django_filters.BooleanFilter(method="filter_is_valid", label=_("neither blocked nor expired"))

    class Meta:
        model = Tag
        fields = ["status", "kind"]

    def filter_q(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search_tags(queryset, value)

    def filter_is_valid(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        if value:
            return queryset.valid()  # type: ignore[attr-defined]
        return queryset.filter(Q(status=Tag.Status.BLOCKED) | Q(expires_at__lte=timezone.now()))


class TagViewSet(ScopedViewSetMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Tag]):
    """RFID cards and virtual tags of the user's teams."""

    queryset = Tag.objects.select_related("team", "user")
    serializer_class = TagSerializer
    filterset_class = TagFilter
    lookup_value_regex = r"\d{1,18}"
    rights_by_method = {"POST": Can.OPERATE, "PATCH": Can.OPERATE, "DELETE": Can.OPERATE}

    def get_queryset(self) -> QuerySet[Tag]:
        rows: QuerySet[Tag] = super().get_queryset()
        return rows.annotate(station_count=Count("stations")) if self.action == "list" else rows

    @extend_schema(responses=TagDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One tag with its stations."""
        return Response(TagDetailSerializer(self.get_object()).data)

    @extend_schema(request=TagRequestSerializer, responses={201: TagDetailSerializer})
    def create(self, request: Request) -> Response:
        """Create a tag. It is accepted unless `status` is blocked."""
        values, actor = TagRequestSerializer.read(request), cast(User, request.user)
        team, holder = _team_of(actor, values.pop("team")), _pop_person(values)
        with transaction.atomic():
            tag = editing.save_tag(actor=actor, team=team, **_with_stations(values, actor))
            if holder is not None:
                editing.assign_tag(actor=actor, tag=tag, person=holder)
        address = reverse("api:tag-detail", args=[tag.pk], request=request)
        return Response(TagDetailSerializer(tag).data, status=201, headers={"Location": address})

    @extend_schema(request=TagChangeSerializer, responses=TagDetailSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Edit a tag or its holder, block it or unblock it."""
        tag, actor = self.get_object(), cast(User, request.user)
        values = {name: getattr(tag, name) for name in ("value", "label", "kind", "expires_at", "status")}
        changes = TagChangeSerializer.read(request)
        is_assigned, holder = "person" in changes, _pop_person(changes)
        fields = _with_stations(values | changes, actor)
        fields.setdefault("stations", list(tag.stations.all()))
        with transaction.atomic():
            tag = editing.save_tag(actor=actor, team=tag.team, tag=tag, **fields)
            if is_assigned:
                editing.assign_tag(actor=actor, tag=tag, person=holder)
        return Response(TagDetailSerializer(tag).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a tag; its sessions keep its value."""
        editing.delete_tag(actor=cast(User, request.user), tag=self.get_object())
        return Response(status=204)


def _pop_person(values: dict[str, Any]) -> User | None:
    """Take the holder out of a request body.

    Raises:
        DomainError: there is no user with this address.
    """
    email = values.pop("person", None)
    if email is None:
        return None
    person = User.objects.filter(email__iexact=email, is_active=True).first()
    if person is None:
        sentence = gettext("This person is not a member of the team and has no access granted by it.")
        raise DomainError(sentence, fields={"person": sentence})
    return person


def _with_stations(values: dict[str, Any], actor: User) -> dict[str, Any]:
    """Return the arguments of `save_tag`, with stations instead of their identities."""
    if "stations" in values:
        values["stations"] = stations_by_identity(values["stations"], actor)
    return values


def _team_of(actor: User, handle: str) -> Team:
    """Return the team of a new tag.

    Raises:
        NotAllowed: the actor operates no team.
        DomainError: the team is not named, or the actor does not operate it.
    """
    teams = editing.teams_operated_by(actor)
    if not teams.exists():
        raise NotAllowed(gettext("Only operators and administrators of a team can add tags."))
    return chosen_team(teams, handle)
