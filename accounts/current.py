"""For which of his teams a person works now: whose settings he sees and to whom new things belong.

Lists show the data of all his teams whatever this is.
"""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import Team
from accounts.rights import Can

KEY = "team"


def current_team(request: HttpRequest) -> Team | None:
    """The one he chose, else the one whose own domain he came to, else the first that he manages, else his first.

    Support staff has none until it chooses.
    """
    user = request.user
    if not user.is_authenticated:
        return None
    known = getattr(request, "_current_team", None)
    if known is not None:
        return known[0]
    chosen = request.session.get(KEY) if hasattr(request, "session") else None
    team = next((team for team in user.own_teams if team.pk == chosen), None)
    if team is None and user.is_staff and isinstance(chosen, int):
        team = Team.objects.filter(pk=chosen).first()
    if team is None and not user.is_staff:
        here = getattr(request, "host_team_id", None)
        team = next((team for team in user.own_teams if team.pk == here), None)
    if team is None and not user.is_staff:
        managed = user.scope(Can.MANAGE_TEAM).teams
        team = min(user.own_teams, key=lambda one: one.pk not in managed, default=None)
    request._current_team = (team,)  # type: ignore[attr-defined]
    return team


def choose_team(request: HttpRequest, team: Team) -> None:
    request.session[KEY] = team.pk
    request.__dict__.pop("_current_team", None)
