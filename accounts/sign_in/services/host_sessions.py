"""Browser sessions that were started on a team's own domain are limited to that team.

The team controls where its domain points, so it can read all traffic on it, including the session cookie. Such a
session therefore gives access to this team only.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.branding.services.branding import host_team_id
from accounts.people.models import User

SESSION_KEY = "only_team"
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
)  # pages about the whole account, which are served on our own address only


def bind_session_to_host(request: HttpRequest) -> None:
    """Limit a new session to the team whose domain the user signed in on."""
    request.session.pop(SESSION_KEY, None)
    if (host := host_team_id(request)) is not None:
        request.session[SESSION_KEY] = host


def limit_to_host_team(user: User, session: Any) -> None:
    """Limit a user, for the time of a request or of a socket, to the team on whose domain the session was started."""
    team_id = session.get(SESSION_KEY) if session is not None else None
    user.access.only_team_id = team_id if isinstance(team_id, int) else None


def is_valid_for_host(request: HttpRequest) -> bool:
    """Return whether the session may be used on the host of this request; bind a new session to the team's domain.

    A session that was started on one team's domain is not valid on another one. Support staff cannot use any of them.
    """
    host, bound_to = host_team_id(request), request.session.get(SESSION_KEY)
    if bound_to is None and host is not None:
        bound_to = request.session[SESSION_KEY] = host
    if bound_to is None:
        return True
    return not request.user.is_staff and host in (None, bound_to)
