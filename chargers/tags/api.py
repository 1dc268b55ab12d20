"""The tags of the user's teams in the API, by the same services as the pages."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db import transaction
from django.db.models import Count, QuerySet
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
from chargers.groups.models import StationGroup
from chargers.installations.models import Installation
from chargers.stations.serializers import IdentitiesField, stations_by_identity
from chargers.tags.models import Tag
from chargers.tags.services import editing
from chargers.tags.services.adding import MAX_TAG_LENGTH
from chargers.tags.services.finding import search_tags
from chargers.tags.services.scope import MAX_SELECTED, SELECTABLE, TagScope
from cpms.common.api.bodies import RequestSerializer
from cpms.common.api.views import ScopedViewSetMixin
from cpms.common.errors import DomainError, NotAllowed, refuse

VALUES = ("value", "label", "kind", "valid_from", "expires_at", "time_windows", "status")
TAG_FIELDS = ["id", "team", *VALUES, "scope", "person", "created_at"]


class TimeWindowSerializer(RequestSerializer):
    """A weekly time window in the time zone of the station."""

    days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7),
        min_length=1,
        max_length=7,
        help_text=_("1 is Monday, 7 is Sunday."),
    )

    def get_fields(self) -> dict[str, Any]:
        """Add the fields whose names cannot be attributes: `from` is a keyword."""
        start = serializers.CharField(help_text=_("HH:MM, included."))
        end = serializers.CharField(help_text=_("HH:MM, excluded; at or before `from`: on the next day."))
        return super().get_fields() | {"from": start, "to": end}


class TagSerializer(serializers.ModelSerializer[Tag]):
    """A tag as the list shows it."""

    team = serializers.CharField(source="team.handle", read_only=True, allow_null=True, default=None)
    person = serializers.CharField(source="user.email", read_only=True, allow_null=True, default=None)
    time_windows = TimeWindowSerializer(many=True, read_only=True)
    station_count = serializers.IntegerField(read_only=True, help_text=_("Number of stations selected one by one."))

    class Meta:
        model = Tag
        fields = [*TAG_FIELDS, "station_count"]
        read_only_fields = fields


class TagDetailSerializer(TagSerializer):
    """A tag with what its scope selects."""

    stations = serializers.SerializerMethodField()
    installations = serializers.PrimaryKeyRelatedField[Any](many=True, read_only=True)
    groups = serializers.PrimaryKeyRelatedField[Any](many=True, read_only=True)

    class Meta:
        model = Tag
        fields = [*TAG_FIELDS, *SELECTABLE]
        read_only_fields = fields

    def get_stations(self, tag: Tag) -> list[str]:
        return list(tag.stations.order_by("identity").values_list("identity", flat=True))


class KeysField(serializers.ListField):
    """A list of ids."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
        super().__init__(child=child, max_length=MAX_SELECTED, **kwargs)


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
    valid_from = serializers.DateTimeField(
        allow_null=True, required=False, help_text=_("The tag is refused before this time.")
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, required=False, help_text=_("The tag is refused from this time on.")
    )
    time_windows = TimeWindowSerializer(
        many=True,
        required=False,
        help_text=_("The tag is valid only in these weekly windows; empty for any time."),
    )
    scope = serializers.ChoiceField(
        choices=Tag.Scope.choices,
        required=False,
        help_text=_("`selected`: valid only at the stations, installations and groups below; without any, nowhere."),
    )
    stations = IdentitiesField(
        required=False, help_text=_("Identities of selected stations; implies the scope `selected`.")
    )
    installations = KeysField(
        required=False, help_text=_("Ids of selected installations; implies the scope `selected`.")
    )
    groups = KeysField(
        required=False,
        help_text=_("Ids of selected groups of members who may edit tags; implies the scope `selected`."),
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
    is_valid = django_filters.BooleanFilter(
        method="filter_is_valid", label=_("neither blocked nor expired nor not valid yet")
    )
    person = django_filters.CharFilter(
        field_name="user__email", lookup_expr="iexact", label=_("e-mail address of the holder")
    )
    installation = django_filters.NumberFilter(
        field_name="installations", label=_("id of an installation that the scope selects")
    )

    class Meta:
        model = Tag
        fields = ["status", "kind", "scope"]

    def filter_q(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search_tags(queryset, value)

    def filter_is_valid(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        if value:
            return queryset.valid()  # type: ignore[attr-defined]
        return queryset.exclude(pk__in=Tag.objects.valid().values("pk"))


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
        """One tag with what its scope selects."""
        return Response(TagDetailSerializer(self.get_object()).data)

    @extend_schema(request=TagRequestSerializer, responses={201: TagDetailSerializer})
    def create(self, request: Request) -> Response:
        """Create a tag. It is accepted unless `status` is blocked."""
        values, actor = TagRequestSerializer.read(request), cast(User, request.user)
        team, holder = _team_of(actor, values.pop("team")), _pop_person(values)
        with transaction.atomic():
            tag = editing.save_tag(actor=actor, team=team, **_with_scope(values, actor, TagScope()))
            if holder is not None:
                editing.assign_tag(actor=actor, tag=tag, person=holder)
        address = reverse("api:tag-detail", args=[tag.pk], request=request)
        return Response(TagDetailSerializer(tag).data, status=201, headers={"Location": address})

    @extend_schema(request=TagChangeSerializer, responses=TagDetailSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Edit a tag or its holder, block it or unblock it."""
        tag, actor = self.get_object(), cast(User, request.user)
        values = {name: getattr(tag, name) for name in VALUES}
        changes = TagChangeSerializer.read(request)
        is_assigned, holder = "person" in changes, _pop_person(changes)
        fields = _with_scope(values | changes, actor, TagScope.of(tag))
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


def _with_scope(values: dict[str, Any], actor: User, current: TagScope) -> dict[str, Any]:
    """Return the arguments of `save_tag`, with a scope instead of what it selects.

    An empty list alone never widens a tag: only `scope` does.
    """
    names = [name for name in SELECTABLE if name in values]
    if "scope" not in values and not names:
        return values
    kind = values.pop("scope", Tag.Scope.SELECTED if any(values[name] for name in names) else current.kind)
    selected: dict[str, Any] = {}
    if kind == Tag.Scope.SELECTED:
        selected = {name: getattr(current, name) for name in SELECTABLE}
    selected |= {name: _selected(name, values.pop(name), actor) for name in names}
    return values | {"scope": TagScope(kind, **selected)}


def _selected(name: str, keys: list[Any], actor: User) -> list[Any]:
    """Return what a list in a request body names.

    Raises:
        DomainError: the user sees no such station or installation, or there is no such group.
    """
    if name == "stations":
        return stations_by_identity(keys, actor)
    is_group = name == "groups"
    rows: Any = StationGroup.objects.all() if is_group else Installation.objects.reachable_by(actor)
    found = list(rows.filter(pk__in=keys))
    if missing := set(keys) - {row.pk for row in found}:
        names = ", ".join(map(str, sorted(missing)[:10]))
        sentence = (
            gettext("There is no group %(names)s.") if is_group else gettext("There is no installation %(names)s.")
        )
        refuse(name, sentence % {"names": names})
    return found


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
