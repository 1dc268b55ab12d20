"""From pages of which hosts the browser's socket may be opened."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier

from accounts.branding import own_host


class OriginValidator:
    """From ALLOWED_HOSTS, and on a domain that a team has proved (P11) from that domain itself: what a team serves
    there by other means must not speak to another host."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.of_ours = AllowedHostsOriginValidator(application)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin1") for name, value in scope.get("headers", ())}
        try:
            page = urlsplit(headers.get(b"origin", "")).netloc.lower()
        except ValueError:  # no address at all
            return await WebsocketDenier()(scope, receive, send)
        host = headers.get(b"host", "").lower()
        is_own = bool(page) and page == host and await database_sync_to_async(own_host)(host) is not None
        return await (self.application if is_own else self.of_ours)(scope, receive, send)
