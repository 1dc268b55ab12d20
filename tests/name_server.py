"""A name server of our own on a local port: it knows the TXT records, addresses and aliases that a test gives it."""

from __future__ import annotations

import socket
import struct
import threading


class NameServer:
    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.addresses: dict[str, list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.fault = ""
        self.asked: list[str] = []
        self._link, self._door = _one_port()
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    @property
    def address(self) -> str:
        host, port = self._link.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        self._link.close()
        self._door.close()

    def _serve_udp(self) -> None:
        while True:
            try:
                asked, who = self._link.recvfrom(4096)
            except OSError:
                return
            answer = self._answer(asked)
            if self.fault == "silent":
                continue
            if self.fault == "rubbish":
                answer = bytes(9)
            if self.fault == "other number":
                answer = bytes([answer[0] ^ 1]) + answer[1:]
            if len(answer) > 1232:
                answer = (
                    answer[:2] + bytes([answer[2] | 2]) + answer[3:6] + b"\0\0" + answer[8:12] + self._question(asked)
                )
            self._link.sendto(answer, who)

    def _serve_tcp(self) -> None:
        while True:
            try:
                link, _who = self._door.accept()
            except OSError:
                return
            with link:
                asked = link.recv(4096)[2:]
                answer = self._answer(asked)
                link.sendall(struct.pack("!H", len(answer)) + answer)

    @staticmethod
    def _question(asked: bytes) -> bytes:
        return asked[12 : asked.index(b"\0", 12) + 5]

    def _answer(self, asked: bytes) -> bytes:
        question, labels, at = self._question(asked), [], 12
        while asked[at]:
            labels.append(asked[at + 1 : at + 1 + asked[at]].decode())
            at += 1 + asked[at]
        name = ".".join(labels).lower()
        self.asked.append(name)
        (kind,) = struct.unpack("!H", question[-4:-2])
        rows = self._texts(name) if kind == TXT else self._places(name) if kind == A else []
        is_known = name in {*self.records, *self.addresses, *self.aliases}
        code = 2 if self.fault == "failed" else 0 if is_known else 3
        return asked[:2] + struct.pack("!5H", 0x8180 | code, 1, len(rows), 0, 0) + question + b"".join(rows)

    def _texts(self, name: str) -> list[bytes]:
        return [_row(SAME, TXT, _pieces(text.encode())) for text in self.records.get(name, ())]

    def _places(self, name: str) -> list[bytes]:
        rows, owner = [], SAME
        if alias := self.aliases.get(name):
            named = b"".join(_piece(label.encode()) for label in alias.split(".")) + b"\0"
            rows.append(_row(SAME, CNAME, named))
            name, owner = alias, named
        return rows + [_row(owner, A, socket.inet_aton(place)) for place in self.addresses.get(name, ())]


def _one_port() -> tuple[socket.socket, socket.socket]:
    """For both ways of asking: a port that is free for one of them may not be for the other."""
    while True:
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.bind(("127.0.0.1", 0))
        try:
            return link, socket.create_server(link.getsockname())
        except OSError:
            link.close()


SAME = b"\xc0\x0c"  # the name that was asked for
A, CNAME, TXT = 1, 5, 16


def _piece(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def _pieces(text: bytes) -> bytes:
    return b"".join(_piece(text[at : at + 255]) for at in range(0, len(text), 255))


def _row(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
