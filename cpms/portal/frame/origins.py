"""Check the origin of pages that open the browser's socket."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from accounts.branding.services.branding import team_host

PORTS = {"http": 80, "https": 443}


class OriginValidator:
    """Accepts sockets of pages with the same origin (scheme, host and port), on a host of ALLOWED_HOSTS or a team's
    verified domain. On hosts of ALLOWED_HOSTS, pages of PUBLIC_URL and CSRF_TRUSTED_ORIGINS are accepted, too; on a
    team's domain they are not, because other pages must not act for its users.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin1") for name, value in scope.get("headers", ())}
        page, host = origin_of(headers.get(b"origin", "")), headers.get(b"host", "").lower()
        is_allowed = page is not None and await self._is_allowed(page, host)
        return await (self.application if is_allowed else WebsocketDenier())(scope, receive, send)

    async def _is_allowed(self, page: tuple[str, str, int], host: str) -> bool:
        scheme = "https" if settings.IS_HTTPS else "http"
        is_same = page == origin_of(f"{scheme}://{host}")
        if validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
            trusted = (settings.PUBLIC_URL, *settings.CSRF_TRUSTED_ORIGINS)
            return is_same or page in [origin_of(address) for address in trusted]
        return is_same and await database_sync_to_async(team_host)(host) is not None


def origin_of(text: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port, or None if the text is not an origin."""
    try:
        parts = urlsplit(text.lower())
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in PORTS or not host:
        return None
    return scheme, host, PORTS[scheme] if port is None else port
