"""ASGI applications: everything in one (embedded mode), or portal and gateway separately (production)."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.base")
_django: Any = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - after Django is set up

from cpms.common.messaging.mail import warn_about_console  # noqa: E402
from cpms.common.observability.health import health  # noqa: E402
from cpms.portal.frame.live import LiveConsumer  # noqa: E402
from cpms.portal.frame.origins import OriginValidator  # noqa: E402
from ocpp_gateway.link import node  # noqa: E402
from ocpp_gateway.link.consumer import StationConsumer  # noqa: E402

warn_about_console()

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
LIVE = "/live/"

_live: Any = OriginValidator(AuthMiddlewareStack(LiveConsumer.as_asgi()))
_station: Any = StationConsumer.as_asgi()


async def _lifespan(receive: Receive, send: Send, *, with_gateway: bool) -> None:
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            if with_gateway:
                await node.start()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            if with_gateway:
                await node.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _refuse(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close"})


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Portal, admin, API, live news and OCPP in one process."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send, with_gateway=True)
    elif scope["type"] == "websocket":
        await (_live if scope["path"] == LIVE else _station)(scope, receive, send)
    else:
        await _django(scope, receive, send)


async def portal(scope: Scope, receive: Receive, send: Send) -> None:
    """Portal, admin, API and live news."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send, with_gateway=False)
    elif scope["type"] == "websocket" and scope["path"] == LIVE:
        await _live(scope, receive, send)
    elif scope["type"] == "websocket":
        await _refuse(receive, send)
    else:
        await _django(scope, receive, send)


async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
    """OCPP, and /health/ for monitoring."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send, with_gateway=True)
    elif scope["type"] == "websocket":
        await _station(scope, receive, send)
    else:
        await health(scope, receive, send)
