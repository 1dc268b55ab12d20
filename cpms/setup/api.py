"""The set-up of a team in the API."""

from __future__ import annotations

from typing import cast

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access.rights import Can
from accounts.members.serializers import chosen_team
from accounts.models import Team, User
from cpms.common.api.views import ApiView
from cpms.common.errors import NotAllowed
from cpms.setup.services import apply_setup, export_setup

TEAM = OpenApiParameter(
    "team", str, description=gettext_lazy("Handle of the team. Required if you administer more than one team.")
)
DRY_RUN = OpenApiParameter("dry_run", bool, description=gettext_lazy("Report what would change, and change nothing."))


class SetupView(ApiView, APIView):
    """The installations, circuits, stations, tags, groups, members and grants of a team as one document."""

    rights_by_method = {"GET": Can.ADD_STATIONS, "PUT": Can.ADD_STATIONS}

    @extend_schema(parameters=[TEAM], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Return the set-up of a team, without passwords."""
        return Response(export_setup(team=self._team(request)))

    @extend_schema(parameters=[TEAM, DRY_RUN], request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request) -> Response:
        """Bring a team to what the document says, in one transaction. Nothing is deleted.

        The format is described in docs/setup.md and docs/setup.schema.json.
        """
        team, actor = self._team(request), cast(User, request.user)
        is_dry_run = request.query_params.get("dry_run", "").lower() in ("1", "true")
        report = apply_setup(document=request.data, team=team, actor=actor, is_dry_run=is_dry_run)
        return Response(report.as_document(is_dry_run=is_dry_run))

    def _team(self, request: Request) -> Team:
        scope = cast(User, request.user).access.scope(Can.ADD_STATIONS)
        teams: QuerySet[Team] = Team.objects.all()
        teams = teams if scope.is_everything else teams.filter(pk__in=scope.teams)
        if not teams.exists():
            raise NotAllowed(_("Only administrators of the team can set it up."))
        return chosen_team(teams, request.query_params.get("team", ""))
