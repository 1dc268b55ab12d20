"""The uvicorn set-up, shared by the embedded process and the gateways of the production set-up."""

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
GRACE_SECONDS = 2  # Ctrl-C must not wait for a response that never ends
DISCARD_SECONDS = 5
BACKLOG = 4096  # connections, for a fleet that reconnects all at once


class AddressTakenError(Exception):
    """Another process listens on the address."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol with a message size limit per connection, and close frames that reach the client.

    The limit applies while a message is received and to its size after decompression, so that unauthenticated clients
    cannot fill the memory.
    """

    is_discarding = False

    def handle_connect(self, event: Request) -> None:
        """Let the application, which starts after this, change the limit."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"]["message_limit"] = {"set": self._set_message_limit}

    def _set_message_limit(self, size: int) -> None:
        self.conn.max_message_size = size

    def data_received(self, data: bytes) -> None:
        if not self.is_discarding:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Close a link whose message cannot be accepted, and discard the rest of the message for a moment.

        Closing a socket with unread data resets it, and then the client may never see the close code.
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
    """A server that signals when it is ready and when it is stopping, and lets its caller end the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = threading.Event()
        self.is_stopping = threading.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the server and ignore signals that arrive during the shutdown, so that they do not interrupt it."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.is_stopping.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Only set a flag: signals may arrive twice, and a lock taken here could deadlock.

        A second Ctrl-C does not skip closing the stations' links, since that is quick anyway.
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
    """Bind the address before anything else, so that an address in use is reported immediately.

    Raises:
        AddressTakenError: the address cannot be bound.
    """
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


def startup_error(error: AddressTakenError) -> BaseException:
    """Return the exception that ends the command: with a message for people, or after logging a line of JSON."""
    if settings.LOG_FORMAT != JSON:
        return CommandError(str(error))
    logger.critical(str(error))
    return SystemExit(1)


def serve(app: str, listener: socket.socket) -> Server:
    """Return a server for a bound address, ready for `run`."""
    host, port = listener.getsockname()[:2]
    return Server(uvicorn_config(app, host, port))


def allow_many_sockets() -> None:
    """Raise the soft limit of open files: the usual 1,024 would limit the number of stations."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
