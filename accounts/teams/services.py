"""For which of his teams a person works now: whose settings he sees and to whom new things belong.

Lists show the data of all his teams whatever this is.
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
    team = next((team for team in user.access.own_teams if team.pk == chosen), None)
    if team is None and user.is_staff and isinstance(chosen, int):
        team = Team.objects.filter(pk=chosen).first()
    if team is None and not user.is_staff:
        here = getattr(request, "host_team_id", None)
        team = next((team for team in user.access.own_teams if team.pk == here), None)
    if team is None and not user.is_staff:
        managed = user.access.scope(Can.MANAGE_TEAM).teams
        team = min(user.access.own_teams, key=lambda one: one.pk not in managed, default=None)
    request._current_team = (team,)  # type: ignore[attr-defined]
    return team


def choose_team(request: HttpRequest, team: Team) -> None:
    request.session[KEY] = team.pk
    request.__dict__.pop("_current_team", None)


@transaction.atomic
def add_team(*, handle: str, name: str = "") -> tuple[Team, bool]:
    """The team with this handle, made when there is none; a name that is given is the one it then has.

    Returns:
        The team, and whether it is new.

    Raises:
        DomainError: the handle is no word of letters, digits, hyphens and underscores.
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
    """The team with this handle.

    Raises:
        DomainError: there is none.
    """
    team = Team.objects.filter(handle=handle).first() or Team.objects.filter(former_handles__handle=handle).first()
    if team is None:
        refuse("team", _("There is no team “%(handle)s”.") % {"handle": handle})
    return team


def check_domain(text: str) -> str:
    """A domain in lower case and ASCII.

    Raises:
        DomainError: it is none that somebody can own.
    """
    text = text.strip().rstrip(".").lower()
    try:
        domain = idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        domain = ""
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 230 or labels[-1].isdecimal() or labels[-1] in ("local", "localhost", "test"):
        refuse("domain", _("This is no internet domain. It looks like “example.org”."))
    return domain
