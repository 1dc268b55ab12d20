"""A station's WebSocket. It holds no state except its link, and handles frames one after another."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import timezone

from chargers.anomalies import services as anomalies_services
from chargers.stations.services import links
from cpms.common.database.threads import StorageFailure
from maintenance.connections.services.deviations import ObservedDeviation, count_deviations
from maintenance.connections.services.proxies import is_unnamed_proxy, record_unnamed_proxy, should_record
from maintenance.messages.services.log import LoggedCall
from maintenance.models import StationLink
from ocpp_gateway import frames
from ocpp_gateway.codec import Codec, Reading
from ocpp_gateway.frames import Call, CallError, CallResult, Fault, FaultKind, json_text
from ocpp_gateway.link import direct, handshake, node, sending, unknown_clients
from ocpp_gateway.link.handshake import Cause, HandshakeRequest, Refused
from operations.commands.services import asking, settling

logger = logging.getLogger(__name__)
TRY_AGAIN_LATER, SUPERSEDED, UNSUPPORTED_DATA, TOO_LARGE = 1013, 3000, 1003, 1009
_OVERSIZED = re.compile(r"frame (?:with (\d+) bytes )?(?:after reading (\d+) bytes )?exceeds limit")  # by `websockets`
LARGE = 256 * 1024  # characters; parsing a longer frame on the event loop would delay the other links
MAX_LOGGED = 8000  # characters of an unreadable frame
HIDDEN = "(not kept: it may hold the station's password)"
REASON_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    503: "Unavailable",
}

Event = dict[str, Any]


class SocketConsumer(AsyncWebsocketConsumer):
    """A consumer that reads its socket in a plain loop.

    Channels' own `__call__` creates two tasks per event, and its `dispatch` switches to a thread for every event to
    close old database connections. Here database work runs in a thread pool of its own, which closes them itself.
    """

    async def __call__(
        self, scope: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]
    ) -> None:
        self.scope, self.base_send = scope, send
        event = await receive()
        if event["type"] != "websocket.connect" or not await self.opened():
            return
        code, reason = 1006, ""
        try:
            while True:
                event = await receive()
                if event["type"] == "websocket.receive":
                    await self.received(event)
                elif event["type"] == "websocket.disconnect":
                    code, reason = event.get("code") or 1005, event.get("reason") or ""
                    return
        finally:
            await self.ended(code, reason)

    async def opened(self) -> bool:
        raise NotImplementedError

    async def received(self, event: Event) -> None:
        raise NotImplementedError

    async def ended(self, code: int, reason: str) -> None:
        raise NotImplementedError


class StationConsumer(SocketConsumer):
    """OCPP-J over one link."""

    station_id: int
    identity: str
    epoch: int
    codec: Codec
    message_limit: int
    limit_setting: str
    is_accepted = False
    is_boot_missing = False
    is_open = False
    can_send_commands = False  # commands wait for the station's first message
    has_pending_wake = False
    last_received = 0.0
    open_call: sending.OpenCall | None = None
    call_sent_at = 0.0

    # --- the handshake -------------------------------------------------------------------------------------------

    async def opened(self) -> bool:
        self._jobs: set[asyncio.Task[Any]] = set()
        self._sending = asyncio.Lock()
        self.node = node.current()
        request = HandshakeRequest.of(self.scope)
        if is_unnamed_proxy(request.remote_address, request.forwarded_for) and should_record(request.remote_address):
            self.run_in_background(self._in_database(record_unnamed_proxy, request.remote_address))
        try:
            address = handshake.read_address(request.raw_path)
            self.codec, subprotocol = handshake.choose_codec(request.subprotocols)
            admission = await self._admit(request, address)
        except Refused as refused:
            await self._refuse(request, refused)
            return False
        self.station_id, self.identity = admission.station_id, address.identity
        self.epoch, self.is_accepted = admission.epoch, admission.is_accepted
        self.is_boot_missing = admission.is_boot_missing
        self.last_received = time.monotonic()
        self.is_open = True
        self.node.add_link(self)
        self._allow_large_messages()
        await self.base_send({"type": "websocket.accept", "subprotocol": subprotocol})
        self._first_message_timer = asyncio.get_running_loop().call_later(
            settings.OCPP_FIRST_MESSAGE_SECONDS, self._allow_commands
        )
        logger.info("station connected", extra={"station": self.identity, "epoch": self.epoch})
        if not address.is_regular:
            self._count_deviations("", "path: slashes")
        self.run_in_background(self.node.notify_superseded(admission.previous_node, self.station_id, self.epoch))
        if admission.has_commands:
            self.wake()
        return True

    async def _admit(self, request: HandshakeRequest, address: handshake.Address) -> handshake.Admission:
        if self.node.row_id is None:
            raise Refused(Cause.STORAGE, identity=address.identity)
        try:
            return await self.node.threads.run(
                settings.OCPP_STORAGE_SECONDS,
                handshake.admit,
                request=request,
                address=address,
                codec=self.codec,
                node_id=self.node.row_id,
            )
        except StorageFailure:
            raise Refused(Cause.STORAGE, identity=address.identity) from None

    def _allow_large_messages(self) -> None:
        """Raise the size limit for a registered station, which has authenticated itself."""
        self.message_limit, self.limit_setting = settings.OCPP_FRAME_BYTES, "OCPP_FRAME_BYTES"
        server = self.scope.get("extensions", {}).get("message_limit")
        if self.is_accepted and server is not None:
            self.message_limit, self.limit_setting = settings.OCPP_FRAME_BYTES_REGISTERED, "OCPP_FRAME_BYTES_REGISTERED"
            server["set"](self.message_limit)

    async def _refuse(self, request: HandshakeRequest, refused: Refused) -> None:
        if refused.station_id is None and refused.cause != Cause.STORAGE:
            await self._in_database(unknown_clients.find_resembled_station, request, refused)
        status = refused.status
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        if status == 401:
            headers.append((b"www-authenticate", b'Basic realm="OCPP"'))
        if status in (429, 503):
            headers.append((b"retry-after", b"10"))
        if "websocket.http.response" in self.scope.get("extensions", {}):
            await self.base_send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await self.base_send(
                {"type": "websocket.http.response.body", "body": f"{REASON_PHRASES[status]}\n".encode()}
            )
        else:
            await self.base_send({"type": "websocket.close"})
        logger.info("connection refused", extra={"cause": refused.cause, "station": refused.identity})
        if refused.cause != Cause.STORAGE:
            await self._in_database(unknown_clients.record_client_refusal, request, refused)

    # --- what comes in -------------------------------------------------------------------------------------------

    async def received(self, event: Event) -> None:
        self.last_received = time.monotonic()
        text = event.get("text")
        if text is None:
            await self.end(UNSUPPORTED_DATA)  # OCPP-J is text
            return
        if not self.is_open:
            return
        await self._handle(text)
        self._allow_commands()

    async def _handle(self, text: str) -> None:
        try:
            is_large = len(text) > LARGE
            frame = await asyncio.to_thread(frames.read_frame, text) if is_large else frames.read_frame(text)
        except Fault as fault:
            await self._answer_fault(fault, "", self._loggable(text))
            return
        try:
            if isinstance(frame, Call):
                await self._handle_call(frame)
            elif frame is not None:
                await self._handle_reply(frame)
        except Exception:  # our own error must not close the link: the station would reconnect with the same message
            logger.exception("a frame could not be handled", extra={"station": self.identity})
            if isinstance(frame, Call):
                await self._record_poison_message(frame)
        if self.is_boot_missing and isinstance(frame, Call):
            self._check_first_call(frame)

    def _check_first_call(self, call: Call) -> None:
        """Ask a station to boot that continues without having booted here, because only its URL was changed."""
        self.is_boot_missing = False
        if call.action != self.codec.boot_action:
            self._count_deviations("", "boot: missing")
            self.run_in_background(self._ask_for_boot())

    async def _ask_for_boot(self) -> None:
        if await self._in_database(asking.request_boot, station_id=self.station_id):
            self.wake()

    async def _handle_call(self, call: Call) -> None:
        try:
            if not self.is_accepted and call.action != self.codec.boot_action:
                text = f"Send {self.codec.boot_action} and wait until it is accepted."
                raise Fault(FaultKind.SECURITY, text, rule="not accepted")
            reading = self.codec.read(call.action, call.payload)
            if self.codec.is_deferred(call.action):
                await self._defer(call, reading)
            else:
                await self._answer(call, reading)
        except Fault as fault:
            fault.message_id = call.message_id
            await self._answer_fault(fault, call.action, json_text(self.codec.redact(call.action, call.payload)))
        except direct.Superseded:
            await self.end(SUPERSEDED)
        except StorageFailure as error:
            logger.warning("a message was not stored", extra={"station": self.identity, "cause": str(error)[:200]})
            await self.end(TRY_AGAIN_LATER)

    async def _record_poison_message(self, call: Call) -> None:
        """Store the whole message as an anomaly and answer with an internal error, unless it cannot be stored."""
        payload = json_text(self.codec.redact(call.action, call.payload))
        is_stored = await self._in_database(
            direct.record_poison_message, station_id=self.station_id, action=call.action, note="", payload_text=payload
        )
        if is_stored:
            text = "The message was stored but could not be handled."
            await self._send(self._error_text(Fault(FaultKind.INTERNAL, text, message_id=call.message_id)))
        else:
            await self.end(TRY_AGAIN_LATER)

    async def _defer(self, call: Call, reading: Reading | None) -> None:
        answer = self.codec.instant_answer(call.action)
        rules = call.rules if reading is None else (*call.rules, *reading.rules)
        row = self._row(call.action, call.message_id, json_text(call.payload), answer, deviations=rules)
        if await self.node.inbox.put(row):
            await self._send(frames.call_result(call.message_id, answer))
        else:
            raise direct.Superseded

    async def _answer(self, call: Call, reading: Reading | None) -> None:
        done = await self.node.threads.run(
            settings.OCPP_STORAGE_SECONDS,
            direct.answer_call,
            station_id=self.station_id,
            epoch=self.epoch,
            codec=self.codec,
            call=call,
            reading=reading,
        )
        if done.fault is not None:
            await self._send(self._error_text(done.fault))
            return
        was_accepted, self.is_accepted = self.is_accepted, done.is_accepted
        await self._send(frames.call_result(call.message_id, done.answer))
        if done.is_drained:
            self.node.wake_drain(self.station_id)
        if self.is_accepted and not was_accepted:
            self.wake()  # for commands that had to wait until the station was accepted

    async def _answer_fault(self, fault: Fault, action: str, payload: str) -> None:
        """Log a CALLERROR, then send it, so that every deviation can be looked up in the log."""
        code = self.codec.fault_codes[fault.kind]
        row = self._row(
            action[:60],
            fault.message_id[:64],
            frames.replace_unstorable(payload),
            fault.description[:255],
            code,
            (fault.rule,),
        )
        try:
            await self.node.inbox.put(row)
        except StorageFailure:
            logger.warning("a faulty message was not logged", extra={"station": self.identity})
        await self._send(self._error_text(fault))

    def _error_text(self, fault: Fault) -> str:
        return frames.call_error(fault.message_id, self.codec.fault_codes[fault.kind], fault.description)

    def _count_deviations(self, action: str, *rules: str) -> None:
        """Count tolerated deviations in the background, without delaying the message."""
        deviated = [ObservedDeviation(self.station_id, action, "", rule, timezone.now()) for rule in rules]
        self.run_in_background(self._in_database(count_deviations, deviated))

    def _row(
        self,
        action: str,
        message_id: str,
        payload: str,
        answer: str,
        error_code: str = "",
        deviations: tuple[str, ...] = (),
    ) -> LoggedCall:
        return LoggedCall(
            station_id=self.station_id,
            epoch=self.epoch,
            protocol=self.codec.protocol,
            received_at=timezone.now(),
            action=frames.replace_unstorable(action),
            message_id=frames.replace_unstorable(message_id),
            payload=payload,
            answer=answer,
            error_code=error_code,
            deviations=deviations,
        )

    # --- what goes out -------------------------------------------------------------------------------------------

    async def _handle_reply(self, reply: CallResult | CallError) -> None:
        open_call = self.open_call
        await self._in_database(
            sending.settle, station_id=self.station_id, codec=self.codec, reply=reply, open_call=open_call
        )
        if open_call is not None and open_call.message_id == reply.message_id:
            self.open_call = None
            self.wake()

    def wake(self) -> None:
        """Send the station's next command, if there is one and the link is free."""
        if not self.can_send_commands:
            self.has_pending_wake = True
        elif self.is_open and self.open_call is None and not self._sending.locked():
            self.run_in_background(self._send_next())

    def _allow_commands(self) -> None:
        """Allow commands: many stations accept none before their first message or the answer to their boot."""
        if not self.can_send_commands:
            self.can_send_commands = True
            self._first_message_timer.cancel()
            if self.has_pending_wake:
                self.wake()

    async def _send_next(self) -> None:
        async with self._sending:
            if self.open_call is not None or not self.is_open:
                return
            call = await self._in_database(
                sending.take_next, station_id=self.station_id, epoch=self.epoch, codec=self.codec
            )
            if call is None:
                return
            if self.is_open:
                self.open_call, self.call_sent_at = call, time.monotonic()
                await self._send(call.text)
            else:  # the command was marked sent while the link was closing
                await self._in_database(settling.settle_commands_of_link, station_id=self.station_id, epoch=self.epoch)

    async def _send(self, text: str) -> None:
        if self.is_open:
            await self._emit({"type": "websocket.send", "text": text})

    async def _emit(self, event: Event) -> None:
        """Send an event. A lost connection is not an error here: the message is stored, and the station repeats it."""
        try:
            await self.base_send(event)
        except OSError:  # raised by ASGI servers once the connection is lost
            self.is_open = False

    async def end(self, code: int) -> None:
        """Close the link from our side."""
        if self.is_open:
            self.is_open = False
            await self._emit({"type": "websocket.close", "code": code})

    async def ended(self, code: int, reason: str) -> None:
        self.is_open = False
        self._first_message_timer.cancel()
        self.node.remove_link(self)
        logger.info("station disconnected", extra={"station": self.identity, "epoch": self.epoch, "code": code})
        await self._in_database(self._record_end, code)
        if code == TOO_LARGE and (found := _OVERSIZED.search(reason)):
            size = int(found[1]) + int(found[2] or 0) if found[1] else None
            await self._in_database(self._record_oversized, size)

    def _record_oversized(self, size: int | None) -> None:
        """Record an oversized message as an anomaly: its content is unknown and the station will send it again."""
        now = timezone.now()
        anomalies_services.record_oversized_message(
            station_id=self.station_id, size=size, limit=self.message_limit, setting=self.limit_setting, at=now
        )
        count_deviations([ObservedDeviation(self.station_id, "", str(TOO_LARGE), "size", now)])

    def _record_end(self, code: int) -> None:
        now = timezone.now()
        links.close_link(station_id=self.station_id, epoch=self.epoch, at=now)
        settling.settle_commands_of_link(station_id=self.station_id, epoch=self.epoch)
        StationLink.objects.filter(station_id=self.station_id, epoch=self.epoch).update(closed_at=now, close_code=code)

    async def _in_database(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run database work whose failure must not affect the link. Returns None on failure."""
        try:
            return await self.node.threads.run(settings.OCPP_STORAGE_SECONDS, work, *args, **kwargs)
        except StorageFailure as error:
            logger.warning("the database does not answer", extra={"cause": str(error)[:200]})
        except Exception:
            logger.exception("database work of a link failed")
        return None

    def _loggable(self, text: str) -> str:
        """Return an unreadable frame for the log, or a placeholder if it may contain a station's password."""
        return HIDDEN if self.codec.may_hold_secret(text) else text[:MAX_LOGGED]

    def run_in_background(self, job: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine beside the link. The reference keeps its task from being garbage collected."""
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
