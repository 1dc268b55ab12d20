"""What the frame of every page needs: where one can go, for whom one works, in which zone times are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from accounts.current import current_team
from accounts.features import feature_at
from accounts.models import User


class Entry(NamedTuple):
    label: Promise
    icon: str
    name: str  # of its page; the entry is also current on pages whose name begins like `family`
    family: str


NAVIGATION: list[tuple[Promise | str, list[Entry]]] = [
    ("", [Entry(gettext_lazy("Dashboard"), icon="layout-dashboard", name="portal:dashboard", family="portal:dash")]),
    (
        gettext_lazy("Stations"),
        [
            Entry(
                gettext_lazy("Overview"), icon="charging-pile", name="chargers:station_list", family="chargers:station"
            ),
            Entry(gettext_lazy("Connectors"), icon="plug", name="chargers:connector_list", family="chargers:connector"),
            Entry(gettext_lazy("Installations"), icon="building", name="places:installation_list", family="places:"),
        ],
    ),
    (
        pgettext_lazy("navigation", "Charging"),
        [
            Entry(gettext_lazy("Sessions"), icon="bolt", name="sessions:session_list", family="sessions:session"),
            Entry(gettext_lazy("Missing energy"), icon="gauge", name="sessions:gap_list", family="sessions:gap"),
        ],
    ),
    (
        gettext_lazy("Operate"),
        [Entry(gettext_lazy("Commands"), icon="terminal-2", name="operations:command_list", family="operations:")],
    ),
    (
        gettext_lazy("Maintenance"),
        [
            Entry(
                gettext_lazy("Messages"), icon="messages", name="maintenance:message_list", family="maintenance:message"
            ),
            Entry(
                gettext_lazy("Refused connections"),
                icon="plug-connected-x",
                name="maintenance:refusal_list",
                family="maintenance:refusal",
            ),
            Entry(
                gettext_lazy("Security events"),
                icon="shield-exclamation",
                name="maintenance:security_list",
                family="maintenance:security",
            ),
            Entry(
                gettext_lazy("Deviations"),
                icon="alert-triangle",
                name="maintenance:deviation_list",
                family="maintenance:deviation",
            ),
        ],
    ),
    (
        gettext_lazy("Team"),
        [
            Entry(gettext_lazy("Access"), icon="key", name="access:grant_list", family="access:"),
            Entry(gettext_lazy("Settings"), icon="settings", name="team:general", family="team:"),
            Entry(gettext_lazy("Audit trail"), icon="history", name="team:audit", family="team:audit"),
        ],
    ),
]


@dataclass
class TeamHead:
    """Whose stations these are, at the top left."""

    name: str
    initials: str
    note: str = ""
    title: str = ""
    is_choice: bool = False


def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _team_head(request: HttpRequest, user: User) -> TeamHead:
    """The team that the person works for; where there are more, the head leads to them."""
    team = current_team(request)
    if user.is_staff:
        if team is None:
            return TeamHead(name=_("All teams"), initials="\u2217", note=_("support staff"), is_choice=True)
        return TeamHead(team.name, initials(team.name), note=_("support staff"), title=team.name, is_choice=True)
    if team is None:
        return TeamHead(name=_("No team yet"), initials="?", note=_("ask an administrator to add you"))
    if len(user.own_teams) == 1:
        return TeamHead(team.name, initials(team.name), title=team.name)
    more = len(user.own_teams) - 1
    note = ngettext("and %(n)d more team", "and %(n)d more teams", more) % {"n": more}
    return TeamHead(
        team.name, initials(team.name), note=note, title=", ".join(map(str, user.own_teams)), is_choice=True
    )


def _why_off(user: User, name: str) -> str:
    feature = feature_at(name)
    return user.features_off.get(feature.key, "") if feature else ""


def _navigation(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    here = request.resolver_match.view_name if request.resolver_match else ""
    return [
        {
            "label": label,
            "entries": [
                {
                    "label": entry.label,
                    "icon": entry.icon,
                    "url": reverse(entry.name),
                    "is_current": here.startswith(entry.family) and (here != "team:audit" or entry.name == here),
                    "why_off": _why_off(user, entry.name),
                }
                for entry in entries
            ],
        }
        for label, entries in NAVIGATION
    ]


def frame(request: HttpRequest) -> dict[str, Any]:
    now = timezone.localtime()
    context: dict[str, Any] = {"zone": timezone.get_current_timezone_name(), "year": now.year}
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context |= {
            "navigation": SimpleLazyObject(lambda: _navigation(request, user)),
            "team": SimpleLazyObject(lambda: _team_head(request, user)),
            "person_initials": SimpleLazyObject(lambda: initials(user.get_full_name())),
        }
    return context
