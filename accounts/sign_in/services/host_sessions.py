"""Browser sessions that were begun on a team's own domain are limited to that team.

The team decides to whom its domain leads, so it may read everything that passes there, the session's key too. Such a
session therefore opens nothing but what is the team's own.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.branding.services.looks import host_team_id
from accounts.people.models import User

KEY = "only_team"
ACCOUNT_WIDE = frozenset(
    {
        "accounts:api_token_revoke",
        "accounts:api_tokens",
        "accounts:app_add",
        "accounts:codes_make",
        "accounts:email_change",
        "accounts:factor_remove",
        "accounts:key_add",
        "accounts:key_rename",
        "api:token-detail",
        "api:token-list",
        "portal:own_data",
        "team:choose",
        "team:switch",
    }
)  # pages of the account as a whole: they are at our own address only


def note_begun(request: HttpRequest) -> None:
    """Somebody has signed in at the host of this request."""
    request.session.pop(KEY, None)
    if (host := host_team_id(request)) is not None:
        request.session[KEY] = host


def limit(user: User, session: Any) -> None:
    """Limit a person, for the time of a request or of a socket, to the team on whose domain the session was begun."""
    found = session.get(KEY) if session is not None else None
    user.access.only_team_id = found if isinstance(found, int) else None


def is_in_place(request: HttpRequest) -> bool:
    """Whether the session may be used at the host of this request; it is bound to the team's domain from now on.

    A session that was begun on one team's domain ends on another one's, and support staff has none on any.
    """
    host, begun = host_team_id(request), request.session.get(KEY)
    if begun is None and host is not None:
        begun = request.session[KEY] = host
    if begun is None:
        return True
    return not request.user.is_staff and host in (None, begun)
