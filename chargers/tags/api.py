"""The tags of the user's teams in the API, by the same services as the pages."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access.rights import Can
from accounts.members.serializers import chosen_team
from accounts.models import Team, User
from chargers.stations.serializers import IdentitiesField, stations_named
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
    """A tag with the only stations at which it is valid; none: at all stations of its team."""

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
        help_text=_("1 to 20 characters, unless it stays as it is; its case does not count."),
    )
    label = serializers.CharField(max_length=120, allow_blank=True, required=False)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=Tag.Kind.choices, required=False, help_text=_("For people only."))
    expires_at = serializers.DateTimeField(allow_null=True, required=False, help_text=_("From then on it is refused."))
    stations = IdentitiesField(
        required=False, help_text=_("Identities of the stations at which alone it is valid; empty: all of the team's.")
    )
    status = serializers.ChoiceField(choices=Tag.Status.choices, required=False)
    person = serializers.EmailField(
        max_length=254,
        allow_null=True,
        required=False,
        help_text=_("E-mail address of its holder: a member of the team, or somebody to whom it gave access."),
    )


class TagRequestSerializer(TagChangeSerializer):
    team = serializers.CharField(
        max_length=60, default="", allow_blank=True, help_text=_("Its handle, for who operates more than one.")
    )
    value = serializers.CharField(
        max_length=MAX_TAG_LENGTH, default="", allow_blank=True, help_text=_("Empty: a random virtual tag.")
    )


class TagFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="filter_q", label=_("part of the value, the label or the person"))
    value = django_filters.CharFilter(lookup_expr="iexact", label=_("the whole value, in any case"))
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
        """Create a tag, accepted unless `status` says otherwise."""
        values, actor = TagRequestSerializer.read(request), cast(User, request.user)
        team, whose = _team_of(actor, values.pop("team")), _pop_person(values)
        with transaction.atomic():
            tag = editing.save_tag(actor=actor, team=team, **_with_stations(values, actor))
            if whose is not None:
                editing.assign_tag(actor=actor, tag=tag, person=whose)
        address = reverse("api:tag-detail", args=[tag.pk], request=request)
        return Response(TagDetailSerializer(tag).data, status=201, headers={"Location": address})

    @extend_schema(request=TagChangeSerializer, responses=TagDetailSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a tag or its holder, block it, or accept it again."""
        tag, actor = self.get_object(), cast(User, request.user)
        values = {name: getattr(tag, name) for name in ("value", "label", "kind", "expires_at", "status")}
        changes = TagChangeSerializer.read(request)
        is_assigned, whose = "person" in changes, _pop_person(changes)
        fields = _with_stations(values | changes, actor)
        fields.setdefault("stations", list(tag.stations.all()))
        with transaction.atomic():
            tag = editing.save_tag(actor=actor, team=tag.team, tag=tag, **fields)
            if is_assigned:
                editing.assign_tag(actor=actor, tag=tag, person=whose)
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
        sentence = _now("This person is neither a member of the team nor was given access by it.")
        raise DomainError(sentence, fields={"person": sentence})
    return person


def _with_stations(values: dict[str, Any], actor: User) -> dict[str, Any]:
    """Return the arguments of `save_tag`, with stations instead of their identities."""
    if "stations" in values:
        values["stations"] = stations_named(values["stations"], actor)
    return values


def _team_of(actor: User, handle: str) -> Team:
    """Return the team of a new tag.

    Raises:
        NotAllowed: the actor operates no team.
        DomainError: the team is not named, or the actor does not operate it.
    """
    teams = editing.teams_operated_by(actor)
    if not teams.exists():
        raise NotAllowed(_now("Only operators and administrators of a team may add tags."))
    return chosen_team(teams, handle)
