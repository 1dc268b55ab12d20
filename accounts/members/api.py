"""API for the members of the user's teams and for invitations, with the same services as the pages.

Keys of applications cannot manage a team (see `SCOPE_RIGHTS`), so changes need a person's own token.
"""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.access.rights import Can, Role
from accounts.members.models import Invitation
from accounts.members.serializers import InvitationSerializer, chosen_team
from accounts.members.services import invitations, people
from accounts.people.models import Membership, User
from accounts.teams.models import Team
from cpms.common.api.bodies import NoFields, RequestSerializer
from cpms.common.api.views import ApiView
from cpms.common.errors import NotAllowed


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A member of a team."""

    team = serializers.CharField(source="team.handle", read_only=True)
    email = serializers.CharField(source="user.email", read_only=True)
    first_name = serializers.CharField(source="user.first_name", read_only=True)
    last_name = serializers.CharField(source="user.last_name", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "team", "email", "first_name", "last_name", "role", "employee_number", "created_at"]
        read_only_fields = fields

    def to_representation(self, instance: Membership) -> Any:
        """Hide the employee number from everyone but the member and those who manage the team."""
        data = super().to_representation(instance)
        user = self.context["request"].user
        if instance.user_id != user.pk and not user.access.may(Can.MANAGE_TEAM, instance.team):
            data["employee_number"] = ""
        return data


class MemberChangeBody(RequestSerializer):
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    employee_number = serializers.CharField(max_length=40, allow_blank=True, required=False)
    first_name = serializers.CharField(max_length=150, allow_blank=True, required=False)
    last_name = serializers.CharField(max_length=150, allow_blank=True, required=False)
    phone = serializers.CharField(max_length=40, allow_blank=True, required=False)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, allow_blank=True, required=False)


class InvitationBody(RequestSerializer):
    team = serializers.CharField(
        max_length=60,
        default="",
        allow_blank=True,
        help_text=_("Handle of the team. Required if you manage several teams."),
    )
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE)


class OwnTeamsViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Any]):
    """Base of views on rows of the user's teams. Support staff can see the rows of all teams."""

    lookup_value_regex = r"\d{1,18}"
    right = Can.MANAGE_TEAM

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset()
        user = cast(User, self.request.user)
        return rows if user.access.sees_all_teams else rows.filter(team__in=user.access.team_ids)

    def require_manager(self, team: Team) -> User:
        """Return the user, or raise NotAllowed if they are not an administrator of the team."""
        actor = cast(User, self.request.user)
        if not actor.access.may(Can.MANAGE_TEAM, team):
            raise NotAllowed(gettext("Only administrators of the team may do this."))
        return actor


class MemberFilter(django_filters.FilterSet):
    team = django_filters.CharFilter(field_name="team__handle", label=_("handle of the team"))
    email = django_filters.CharFilter(field_name="user__email", lookup_expr="iexact", label=_("e-mail address"))

    class Meta:
        model = Membership
        fields = ["role"]


class MemberViewSet(OwnTeamsViewSet):
    """Members of your teams. Administrators edit and remove members; everyone can leave."""

    queryset = Membership.objects.select_related("user", "team")
    serializer_class = MemberSerializer
    filterset_class = MemberFilter

    @extend_schema(request=MemberChangeBody, responses=MemberSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Edit a member: role and employee number, and if they are in no other team also name, phone and language."""
        member: Membership = self.get_object()
        actor = self.require_manager(member.team)
        data = MemberChangeBody.read(request)
        with transaction.atomic():
            if "role" in data:
                invitations.change_role(membership=member, role=data.pop("role"), actor=actor)
            numbers = {member.pk: data.pop("employee_number")} if "employee_number" in data else None
            current = {name: getattr(member.user, name) for name in people.FIELDS}
            values = current | data if data else None
            people.edit_person(person=member.user, actor=actor, values=values, employee_numbers=numbers)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a member from the team, or leave it."""
        member: Membership = self.get_object()
        actor = cast(User, request.user)
        if member.user_id != actor.pk:
            self.require_manager(member.team)
        invitations.remove_member(membership=member, actor=actor)
        return Response(status=204)


class InvitationFilter(django_filters.FilterSet):
    team = django_filters.CharFilter(field_name="team__handle", label=_("handle of the team"))

    class Meta:
        model = Invitation
        fields = ["role"]


class InvitationViewSet(OwnTeamsViewSet):
    """Open invitations to the teams that you administer."""

    queryset = Invitation.objects.open().select_related("team")
    serializer_class = InvitationSerializer
    filterset_class = InvitationFilter

    def get_queryset(self) -> QuerySet[Invitation]:
        rows: QuerySet[Invitation] = super().get_queryset()
        scope = cast(User, self.request.user).access.scope(Can.MANAGE_TEAM)
        return rows if scope.is_everything else rows.filter(team__in=scope.teams)

    @extend_schema(request=InvitationBody, responses={201: InvitationSerializer})
    def create(self, request: Request) -> Response:
        """Invite somebody by e-mail."""
        teams = self._managed_teams()
        data = InvitationBody.read(request)
        team = chosen_team(teams, data.pop("team"))
        invitation = invitations.invite(team=team, actor=cast(User, request.user), **data)
        address = reverse("api:invitation-detail", args=[invitation.pk], request=request)
        return Response(InvitationSerializer(invitation).data, status=201, headers={"Location": address})

    @extend_schema(request=None, responses=InvitationSerializer)
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: str) -> Response:
        """Send the invitation again with a new link. The old link stops working."""
        invitation: Invitation = self.get_object()
        NoFields.read(request)
        renewed = invitations.resend(invitation=invitation, actor=self.require_manager(invitation.team))
        return Response(InvitationSerializer(renewed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Revoke the invitation. Its link stops working."""
        invitation: Invitation = self.get_object()
        invitations.revoke(invitation=invitation, actor=self.require_manager(invitation.team))
        return Response(status=204)

    def _managed_teams(self) -> QuerySet[Team]:
        scope = cast(User, self.request.user).access.scope(Can.MANAGE_TEAM)
        teams = Team.objects.all() if scope.is_everything else Team.objects.filter(pk__in=scope.teams)
        if not teams.exists():
            raise NotAllowed(gettext("Only administrators of the team may do this."))
        return teams
