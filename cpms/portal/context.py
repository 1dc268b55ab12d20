"""What the frame of every page needs: where one can go, for whom one works, in which zone times are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.branding import look_of, main_host
from accounts.current import current_team
from accounts.models import User
from accounts.rights import Can, Provider
from chargers.models import StationGroup
from chargers.services.groups import MOST_GROUPS
from chargers.services.providers import providers_of
from cpms.portal.models import SiteText, hooks_offered, site_text
from cpms.portal.navigation import navigation
from cpms.portal.notifications import unread


@dataclass
class TeamHead:
    """Whose stations these are, at the top left."""

    name: str
    initials: str
    note: str = ""
    title: str = ""
    url: str = ""  # to the choice of teams, or to the settings of the only team


def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _team_head(request: HttpRequest, user: User) -> TeamHead:
    """The team that the person works for; where there are more, the head leads to them."""
    team = current_team(request)
    choose = reverse("team:choose")
    if user.is_staff:
        if team is None:
            return TeamHead(name=_("All teams"), initials="\u2217", note=_("support staff"), url=choose)
        return TeamHead(team.name, initials(team.name), note=_("support staff"), title=team.name, url=choose)
    if team is None and user.grants_held:
        return TeamHead(name=_("Shared with you"), initials="\u2217", note=str(user))
    if team is None and user.only_team is not None:
        note = _("your teams are at %(host)s") % {"host": main_host()}
        return TeamHead(name=_("Not your team"), initials="?", note=note, url=settings.PUBLIC_URL)
    if team is None:
        return TeamHead(name=_("No team yet"), initials="?", note=_("ask an administrator to add you"))
    if len(user.own_teams) == 1:
        page = "team:general" if user.may(Can.MANAGE_TEAM, team) else "accounts:teammates"
        return TeamHead(team.name, initials(team.name), title=team.name, url=reverse(page))
    more = len(user.own_teams) - 1
    note = ngettext("and %(n)d more team", "and %(n)d more teams", more) % {"n": more}
    return TeamHead(team.name, initials(team.name), note=note, title=", ".join(map(str, user.own_teams)), url=choose)


def _providers(request: HttpRequest, user: User) -> list[Provider]:
    """The providers that the user can choose from; empty if there is only one."""
    team = current_team(request) if user.is_staff else None
    found = [Provider(team.pk, team.name)] if team else providers_of(user)
    chosen = user.chosen_provider
    if chosen is not None and chosen not in found:
        found.append(chosen)
    return found if len(found) > 1 or user.is_staff else []


def frame(request: HttpRequest) -> dict[str, Any]:
    now = timezone.localtime()
    context: dict[str, Any] = {"zone": timezone.get_current_timezone_name(), "year": now.year}
    context |= {
        "brand": SimpleLazyObject(lambda: look_of(request)),
        "copyright": SimpleLazyObject(lambda: site_text(SiteText.Kind.COPYRIGHT)),
        "offered": SimpleLazyObject(hooks_offered),
    }
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context |= {
            "navigation": SimpleLazyObject(lambda: navigation(request, user)),
            "team": SimpleLazyObject(lambda: _team_head(request, user)),
            "groups": SimpleLazyObject(lambda: list(StationGroup.objects.visible_to(user).only("name")[:MOST_GROUPS])),
            "providers": SimpleLazyObject(lambda: _providers(request, user)),
            "sees_stations": SimpleLazyObject(lambda: bool(user.scope(Can.SEE_STATIONS))),
            "unread": SimpleLazyObject(lambda: unread(user)),
            "person_initials": SimpleLazyObject(lambda: initials(user.get_full_name())),
        }
    return context
