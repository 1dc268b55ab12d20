"""A station's link, frame by frame. Every answer is validated with the schemas of the `ocpp` package."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from ocpp.messages import MessageType, get_validator
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

Payload = dict[str, Any]
ANSWER_SECONDS = 10.0


def moment(ago: float = 0.0) -> str:
    """Return the current time, or a time some seconds ago, as a station sends it."""
    return (datetime.now(UTC) - timedelta(seconds=ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def basic(user: str, password: str | bytes) -> str:
    secret = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(user.encode() + b":" + secret).decode()


def wh(value: object, **more: str) -> Payload:
    return {"value": str(value), "measurand": "Energy.Active.Import.Register", "unit": "Wh", **more}


class Link:
    def __init__(
        self,
        url: str,
        identity: str,
        *,
        password: str | bytes | None = None,
        path: str | None = None,
        headers: list[tuple[str, str]] | None = None,
        subprotocols: tuple[str, ...] = ("ocpp1.6",),
        deflate: bool = False,
    ) -> None:
        self.identity = identity
        self.address = url + (path if path is not None else f"/ocpp/{quote(identity, safe='')}")
        self.headers = headers or ([] if password is None else [("Authorization", basic(identity, password))])
        self.subprotocols = [Subprotocol(name) for name in subprotocols]
        self.deflate = deflate
        self.pending_calls: deque[list[Any]] = deque()  # calls of the central system that the test has not read yet
        self._ids = itertools.count(1)

    def open(self) -> None:
        self.socket: ClientConnection = connect(
            self.address,
            subprotocols=self.subprotocols or None,
            additional_headers=self.headers,
            compression="deflate" if self.deflate else None,
            max_size=None,
            open_timeout=10,
            close_timeout=2,
            ping_interval=None,
            legacy=True,  # opened without `with`
        )

    def opened(self) -> Self:
        self.open()
        return self

    def refusal(self) -> int:
        """Return the HTTP status with which this link is refused."""
        try:
            self.open()
        except InvalidStatus as error:
            return int(error.response.status_code)
        self.close()
        raise AssertionError(f"{self.address} was accepted")

    def close(self) -> None:
        self.socket.close()

    def vanish(self) -> None:
        """Cut the connection without a close frame, as after a power cut."""
        self.socket.socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- frames ------------------------------------------------------------------------------------------------------

    def send(self, frame: object) -> None:
        """Send a text as it is, anything else as JSON."""
        self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def receive(self, seconds: float = ANSWER_SECONDS) -> list[Any]:
        return json.loads(self.socket.recv(timeout=seconds))

    def close_code(self, seconds: float = ANSWER_SECONDS) -> int:
        """Wait until the other side closes and return its close code. Earlier frames are discarded."""
        end = time.monotonic() + seconds
        try:
            while True:
                self.socket.recv(timeout=max(0.01, end - time.monotonic()))
        except ConnectionClosed as error:
            frame = error.rcvd
        assert frame is not None, "the link broke without a close frame"
        return int(frame.code)

    def reply(self, seconds: float = ANSWER_SECONDS) -> list[Any]:
        """Return the next answer. Calls of the central system are stored for `next_call`."""
        end = time.monotonic() + seconds
        while True:
            frame = self.receive(max(0.01, end - time.monotonic()))
            if frame[0] != 2:
                return frame
            self.pending_calls.append(frame)

    def exchange(self, frame: object) -> list[Any]:
        self.send(frame)
        return self.reply()

    def error(self, frame: object) -> tuple[str, str]:
        """Send a frame and return id and code of its CALLERROR, whose form is checked."""
        answer = self.exchange(frame)
        assert answer[0] == 4 and len(answer) == 5, answer
        assert isinstance(answer[3], str) and len(answer[3]) <= 255 and answer[4] == {}, answer
        return answer[1], answer[2]

    def call(self, action: str, **payload: Any) -> Payload:
        """Send a call. Its answer must be a valid result, which is returned."""
        message_id = f"{self.identity[:20]}-{next(self._ids)}"
        answer = self.exchange([2, message_id, action, payload])
        assert answer[:2] == [3, message_id] and len(answer) == 3, answer
        get_validator(MessageType.CallResult, action, "1.6").validate(answer[2])
        return answer[2]

    # --- a charging session ------------------------------------------------------------------------------------------

    def boot(self, **more: Any) -> Payload:
        return self.call("BootNotification", **({"chargePointVendor": "Maker", "chargePointModel": "Box"} | more))

    def start(self, **more: Any) -> int:
        return int(self.call("StartTransaction", **(start_payload() | more))["transactionId"])

    def stop(self, transaction: int, **more: Any) -> Payload:
        given = {"transactionId": transaction, "meterStop": 2000, "timestamp": moment()} | more
        return self.call("StopTransaction", **given)

    def meter(self, transaction: int | None, *values: Payload, connector: int = 1, at: str | None = None) -> None:
        more = {} if transaction is None else {"transactionId": transaction}
        instant = {"timestamp": at or moment(), "sampledValue": list(values)}
        assert self.call("MeterValues", connectorId=connector, meterValue=[instant], **more) == {}

    # --- calls of the central system ---------------------------------------------------------------------------------

    def next_call(self, seconds: float = ANSWER_SECONDS) -> tuple[str, str, Payload]:
        """Return the next call of the central system: id, action, payload."""
        if not self.pending_calls:
            frame = self.receive(seconds)
            assert frame[0] == 2, frame
            self.pending_calls.append(frame)
        _kind, message_id, action, payload = self.pending_calls.popleft()
        return message_id, action, payload

    def answer(self, message_id: str, payload: object) -> None:
        self.send([3, message_id, payload])

    def answer_next(self, action: str, payload: object, seconds: float = ANSWER_SECONDS) -> Payload:
        message_id, pending_calls, given = self.next_call(seconds)
        assert pending_calls == action
        self.answer(message_id, payload)
        return given


def start_payload(**more: Any) -> Payload:
    return {"connectorId": 1, "idTag": "GOODTAG", "meterStart": 1000, "timestamp": moment()} | more
