"""Teams: creating and finding them, and the team that a user works for at the moment.

The current team decides whose settings a user sees and which team owns what they add. Lists show the data of all of the
user's teams.
"""

from __future__ import annotations

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.teams.models import FormerHandle, Team
from cpms.common.errors import refuse
from cpms.common.text.lines import check_lines

SESSION_KEY = "team"


def current_team(request: HttpRequest) -> Team | None:
    """Return the team that the user works for.

    This is the team they chose, else the team whose own domain they are on, else the first team they manage, else their
    first team. Support staff has none until they choose one.
    """
    user = request.user
    if not user.is_authenticated:
        return None
    cached = getattr(request, "_current_team", None)
    if cached is not None:
        return cached[0]
    chosen = request.session.get(SESSION_KEY) if hasattr(request, "session") else None
    team = next((team for team in user.access.own_teams if team.pk == chosen), None)
    if team is None and user.is_staff and isinstance(chosen, int):
        team = Team.objects.filter(pk=chosen).first()
    if team is None and not user.is_staff:
        host_team = getattr(request, "host_team_id", None)
        team = next((team for team in user.access.own_teams if team.pk == host_team), None)
    if team is None and not user.is_staff:
        managed = user.access.scope(Can.MANAGE_TEAM).teams
        team = min(user.access.own_teams, key=lambda one: one.pk not in managed, default=None)
    request._current_team = (team,)  # type: ignore[attr-defined]
    return team


def choose_team(request: HttpRequest, team: Team) -> None:
    """Make a team the current one of this browser session."""
    request.session[SESSION_KEY] = team.pk
    request.__dict__.pop("_current_team", None)


@transaction.atomic
def add_team(*, handle: str, name: str = "") -> tuple[Team, bool]:
    """Create a team, or rename the one that has this handle.

    Args:
        name: the name of the team; a new team without one is named after its handle.

    Returns:
        The team, and whether it was created.

    Raises:
        DomainError: handle or name is invalid, or the handle was another team's (`fields` names which).
    """
    try:
        validate_slug(handle)
    except ValidationError:
        refuse("handle", _("A handle has letters, digits, hyphens and underscores only."))
    if len(handle) > 60:
        refuse("handle", _("A handle has at most 60 characters."))
    if len(name) > 120:
        refuse("name", _("A name has at most 120 characters."))
    check_lines(name=name)
    if FormerHandle.objects.filter(handle=handle).exists():
        refuse("handle", _("This handle is taken."))
    team, is_new = Team.objects.get_or_create(handle=handle, defaults={"name": name or handle})
    if name and team.name != name:
        team.name = name
        team.save(update_fields=["name"])
    return team, is_new


def find_team(handle: str) -> Team:
    """Return the team that has or had this handle.

    Raises:
        DomainError: no such team exists.
    """
    team = Team.objects.filter(handle=handle).first() or Team.objects.filter(former_handles__handle=handle).first()
    if team is None:
        refuse("team", _("There is no team “%(handle)s”.") % {"handle": handle})
    return team


def check_domain(text: str) -> str:
    """Return a domain in lower case and ASCII (punycode).

    Raises:
        DomainError: it is not a domain that can be registered.
    """
    text = text.strip().rstrip(".").lower()
    try:
        domain = idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        domain = ""
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 230 or labels[-1].isdecimal() or labels[-1] in ("local", "localhost", "test"):
        refuse("domain", _("Enter a valid domain, for example “example.org”."))
    return domain
