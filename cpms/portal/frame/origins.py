"""From which pages the browser's socket may be opened."""

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
    """Lets in pages of the very origin (scheme, host and port) that is asked, where the host is in ALLOWED_HOSTS or a
    domain that a team has proved; and those of PUBLIC_URL and CSRF_TRUSTED_ORIGINS, unless the socket is asked
    for on a team's domain: what is served by other means must not speak for a person.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin1") for name, value in scope.get("headers", ())}
        page, host = origin_of(headers.get(b"origin", "")), headers.get(b"host", "").lower()
        is_right = page is not None and await self._is_right(page, host)
        return await (self.application if is_right else WebsocketDenier())(scope, receive, send)

    async def _is_right(self, page: tuple[str, str, int], host: str) -> bool:
        scheme = "https" if settings.IS_HTTPS else "http"
        is_same = page == origin_of(f"{scheme}://{host}")
        if validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
            ours = (settings.PUBLIC_URL, *settings.CSRF_TRUSTED_ORIGINS)
            return is_same or page in [origin_of(one) for one in ours]
        return is_same and await database_sync_to_async(team_host)(host) is not None


def origin_of(text: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None where the text is no origin."""
    try:
        parts = urlsplit(text.lower())
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in PORTS or not host:
        return None
    return scheme, host, PORTS[scheme] if port is None else port
