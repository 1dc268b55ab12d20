"""What the frame of every page needs: where one can go, for whom one works, in which zone times are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from chargers.models import StationGroup
from chargers.services.groups import MOST_GROUPS
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


def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _team_head(user: User) -> TeamHead:
    if user.is_staff:
        return TeamHead(name=_("All teams"), initials="\u2217", note=_("support staff"))
    names = list(user.teams.order_by("name").values_list("name", flat=True))
    if not names and user.grants_held:
        return TeamHead(name=_("Shared with you"), initials="\u2217", note=str(user))
    if not names:
        return TeamHead(name=_("No team yet"), initials="?", note=_("ask an administrator to add you"))
    if len(names) == 1:
        return TeamHead(name=names[0], initials=initials(names[0]), title=names[0])
    several = ngettext("%(n)d team", "%(n)d teams", len(names)) % {"n": len(names)}
    return TeamHead(name=several, initials=str(len(names)), note=", ".join(names), title=", ".join(names))


def frame(request: HttpRequest) -> dict[str, Any]:
    now = timezone.localtime()
    context: dict[str, Any] = {"zone": timezone.get_current_timezone_name(), "year": now.year}
    context |= {
        "copyright": SimpleLazyObject(lambda: site_text(SiteText.Kind.COPYRIGHT)),
        "offered": SimpleLazyObject(hooks_offered),
    }
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context |= {
            "navigation": SimpleLazyObject(lambda: navigation(request, user)),
            "team": SimpleLazyObject(lambda: _team_head(user)),
            "groups": SimpleLazyObject(lambda: list(StationGroup.objects.visible_to(user).only("name")[:MOST_GROUPS])),
            "unread": SimpleLazyObject(lambda: unread(user)),
            "person_initials": SimpleLazyObject(lambda: initials(user.get_full_name())),
        }
    return context
