"""Template context for the frame of every page: navigation, team, groups, branding and time zone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access.rights import Can, Provider
from accounts.branding.services.branding import branding_for_request, main_host
from accounts.models import Team, User
from accounts.teams.services import current_team
from chargers.groups.services.groups import MAX_GROUPS
from chargers.groups.services.providers import providers_of
from chargers.models import StationGroup
from cpms.portal.frame.navigation import (
    ACCOUNT_PAGES,
    account_tabs,
    current_page,
    manages_current_team,
    navigation,
    team_tabs,
)
from cpms.portal.models import SiteText, hooks_offered, site_text
from maintenance.notifications.services.bell import unread

MAX_CHOICES = 12  # teams in the menu at the top left; a separate page lists all


@dataclass
class TeamHead:
    """The team at the top left: the button of a menu, or a link if there is nothing to choose."""

    name: str
    initials: str
    note: str = ""
    title: str = ""
    url: str = ""
    team: Team | None = None
    choices: list[Team] = field(default_factory=list)  # teams that the user can switch to
    links: list[tuple[str, str]] = field(default_factory=list)


def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _team_head(request: HttpRequest, user: User) -> TeamHead:
    """Return the current team, with links to its settings and to other teams."""
    team = current_team(request)
    if user.is_staff:
        links = [(_("Switch team"), reverse("team:choose"))]
        if team is None:
            return TeamHead(name=_("All teams"), initials="\u2217", note=_("support staff"), links=links)
        links += _team_links(request, user)
        return TeamHead(team.name, initials(team.name), _("support staff"), team.name, team=team, links=links)
    if team is None and user.access.active_grants:
        return TeamHead(name=_("Shared with you"), initials="\u2217", note=str(user))
    if team is None and user.access.only_team_id is not None:
        note = _("your teams are at %(host)s") % {"host": main_host()}
        return TeamHead(name=_("Not your team"), initials="?", note=note, url=settings.PUBLIC_URL)
    if team is None:
        return TeamHead(name=_("No team yet"), initials="?", note=_("ask an administrator to add you"))
    links = _team_links(request, user)
    if len(user.access.own_teams) == 1:
        return TeamHead(team.name, initials(team.name), title=team.name, team=team, links=links)
    more = len(user.access.own_teams) - 1
    note = ngettext("and %(n)d more team", "and %(n)d more teams", more) % {"n": more}
    title = ", ".join(map(str, user.access.own_teams))
    choices = user.access.own_teams[:MAX_CHOICES]
    if len(user.access.own_teams) > MAX_CHOICES:
        links.append((_("All teams"), reverse("team:choose")))
    return TeamHead(team.name, initials(team.name), note, title, team=team, choices=choices, links=links)


def _team_links(request: HttpRequest, user: User) -> list[tuple[str, str]]:
    """Return the most used pages of the team's settings, as labels and addresses."""
    if not manages_current_team(request, user):
        return [(_("Members"), reverse("accounts:teammates"))]
    pages = (
        (_("Team settings"), "team:general"),
        (_("Members"), "accounts:teammates"),
        (_("Billing"), "team:billing"),
    )
    return [(label, reverse(name)) for label, name in pages]


def _providers(request: HttpRequest, user: User) -> list[Provider]:
    """The providers that the user can choose from; empty if there is only one."""
    team = current_team(request) if user.is_staff else None
    found = [Provider(team.pk, team.name)] if team else providers_of(user)
    chosen = user.access.provider
    if chosen is not None and chosen not in found:
        found.append(chosen)
    return found if len(found) > 1 or user.is_staff else []


def frame(request: HttpRequest) -> dict[str, Any]:
    now = timezone.localtime()
    context: dict[str, Any] = {"zone": timezone.get_current_timezone_name(), "year": now.year}
    context |= {
        "brand": SimpleLazyObject(lambda: branding_for_request(request)),
        "copyright": SimpleLazyObject(lambda: site_text(SiteText.Kind.COPYRIGHT)),
        "offered": SimpleLazyObject(hooks_offered),
        "frame_template": "alone.html",
    }
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context |= {
            "frame_template": "base.html",
            "navigation": SimpleLazyObject(lambda: navigation(request, user)),
            "team_tabs": SimpleLazyObject(lambda: team_tabs(request, user)),
            "account_tabs": SimpleLazyObject(lambda: account_tabs(request, user)),
            "is_own_account": current_page(request).startswith(ACCOUNT_PAGES),
            "team": SimpleLazyObject(lambda: _team_head(request, user)),
            "groups": SimpleLazyObject(lambda: list(StationGroup.objects.visible_to(user).only("name")[:MAX_GROUPS])),
            "providers": SimpleLazyObject(lambda: _providers(request, user)),
            "sees_stations": SimpleLazyObject(lambda: bool(user.access.scope(Can.SEE_STATIONS))),
            "unread": SimpleLazyObject(lambda: unread(user)),
            "person_initials": SimpleLazyObject(lambda: initials(user.get_full_name())),
        }
    return context
