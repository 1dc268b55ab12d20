"""How uvicorn serves us, in one place for the embedded process and for the gateways of a stack."""

import contextlib
import logging
import resource
import signal
import socket
import threading
from types import FrameType

import uvicorn
from django.conf import settings
from django.core.management.base import CommandError
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from cpms.common.observability.logs import JSON
from ocpp_gateway.link.half_open import HttpProtocol

logger = logging.getLogger(__name__)
GRACE_SECONDS = 2  # Ctrl-C must not wait for a page that never ends
DISCARD_SECONDS = 5
BACKLOG = 4096  # a fleet that comes back all at once


class AddressTakenError(Exception):
    """Somebody else listens there."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, with a limit of the message size that depends on who sends, and an end that arrives.

    The limit holds while a message comes in, and after inflation, so that nobody fills the memory before it is known.
    """

    is_discarding = False

    def handle_connect(self, event: Request) -> None:
        """Offer the application, which has not begun yet, to change the limit."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"]["message_limit"] = {"set": self._set_message_limit}

    def _set_message_limit(self, size: int) -> None:
        self.conn.max_message_size = size

    def data_received(self, data: bytes) -> None:
        if not self.is_discarding:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Close a link whose message cannot be taken, and throw away the rest of it for a moment.

        A socket that is closed with unread data is reset, and then the other side may never see why it was closed.
        """
        closing = self.conn.close_sent
        assert closing is not None  # noqa: S101 - as in uvicorn: the exception was answered with a close frame
        self.queue.put_nowait({"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.is_discarding = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(DISCARD_SECONDS, self.transport.close)


class Server(uvicorn.Server):
    """Says when it answers and when it ends, and leaves the end of the process to its caller."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = threading.Event()
        self.ends = threading.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Signals that come after the end has begun must not break it off."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.ends.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Only a mark: signals come in pairs, and a lock taken here would wait for itself for ever.

        A second Ctrl-C does not skip the good-bye to the stations, since that is short by itself.
        """
        self.should_exit = True


def uvicorn_config(app: str, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=settings.OCPP_FRAME_BYTES,
        ws_ping_interval=settings.OCPP_PING_SECONDS,
        ws_ping_timeout=settings.OCPP_PONG_SECONDS,
        ws_per_message_deflate=settings.OCPP_DEFLATE,
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
        workers=1,
    )


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else is done, so that a taken one is known at once and stays ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressTakenError(
            f"Cannot listen on {host}:{port} ({error.strerror}). "
            f"Is another server running there? Choose another port, for example {port + 1}."
        ) from error
    listener.set_inheritable(True)
    return listener


def refusal(error: AddressTakenError) -> BaseException:
    """What ends the command: a sentence for the person, or a line of JSON for the program that reads them."""
    if settings.LOG_FORMAT != JSON:
        return CommandError(str(error))
    logger.critical(str(error))
    return SystemExit(1)


def serve(app: str, listener: socket.socket) -> Server:
    """A server for a taken address, ready for `run`."""
    host, port = listener.getsockname()[:2]
    return Server(uvicorn_config(app, host, port))


def allow_many_sockets() -> None:
    """The usual soft limit of 1,024 files would be the limit of stations."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
