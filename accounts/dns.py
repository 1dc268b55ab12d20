"""TXT records of a domain: the one question we ask the DNS, by which a team proves that a domain is its own."""

from __future__ import annotations

import secrets
import socket
import struct
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from cpms.common.errors import DomainError

SECONDS = 3.0
ATTEMPTS = 2
TXT, IN = 16, 1
NO_SUCH_NAME = 3
LARGEST = 65_535
MOST_JUMPS = 20


class DnsError(DomainError):
    """The name server did not answer, or not so that it can be understood."""


def txt_records(name: str) -> list[str]:
    """What the TXT records of a name say; none where there is no such name.

    Raises:
        DnsError: nobody could be asked.
    """
    try:
        question = _question(name)
    except UnicodeError:
        return []
    for _attempt in range(ATTEMPTS):
        number = secrets.randbits(16)
        try:
            answer = _ask_udp(struct.pack("!H", number) + question)
            if answer[2] & 0x02:  # cut off: it is longer than a datagram
                answer = _ask_tcp(struct.pack("!H", number) + question)
            return _texts(answer, number, question)
        except (OSError, ValueError, IndexError, struct.error):
            continue
    raise DnsError(_("The name server did not answer. Please try again in a few minutes."))


def _question(name: str) -> bytes:
    """Everything after the number: recursion wanted, one question, and room for answers of 1232 bytes (EDNS)."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    if not all(1 <= len(label) <= 63 for label in labels) or sum(map(len, labels)) + len(labels) > 253:
        raise UnicodeError(name)
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    room = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
    return struct.pack("!5H", 0x0100, 1, 0, 0, 1) + wire + struct.pack("!HH", TXT, IN) + room


def _resolver() -> tuple[str, int]:
    given = settings.DNS_RESOLVER
    if not given:
        lines = Path("/etc/resolv.conf").read_text(encoding="utf-8", errors="replace").splitlines()
        given = next((line.split()[1] for line in lines if line.startswith("nameserver ")), "127.0.0.1")
    host, colon, port = given.rpartition(":")
    if colon and port.isdecimal() and (":" not in host or host.startswith("[")):
        return host.strip("[]"), int(port)
    return given.strip("[]"), 53


def _ask_udp(message: bytes) -> bytes:
    address = _resolver()
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.settimeout(SECONDS)
        link.connect(address)  # answers of others are dropped
        link.send(message)
        return link.recv(LARGEST)


def _ask_tcp(message: bytes) -> bytes:
    with socket.create_connection(_resolver(), SECONDS) as link, link.makefile("rb") as answer:
        link.sendall(struct.pack("!H", len(message)) + message)
        (size,) = struct.unpack("!H", answer.read(2))
        return answer.read(size)


def _texts(answer: bytes, number: int, question: bytes) -> list[str]:
    given, flags, questions, answers = struct.unpack("!4H", answer[:8])
    asked = question[10:-11]
    if given != number or not flags & 0x8000 or questions != 1 or answer[12 : 12 + len(asked)].lower() != asked.lower():
        raise ValueError("not the answer to this question")
    code = flags & 0x0F
    if code not in (0, NO_SUCH_NAME):
        raise ValueError("the name server failed")
    found, at = [], 12 + len(asked)
    for _answer in range(answers):
        at = _after_name(answer, at)
        kind, group, _life, size = struct.unpack("!HHIH", answer[at : at + 10])
        data, at = answer[at + 10 : at + 10 + size], at + 10 + size
        if (kind, group) == (TXT, IN):
            found.append(_joined(data))
    return found


def _after_name(answer: bytes, at: int) -> int:
    for _label in range(MOST_JUMPS * 8):
        size = answer[at]
        if size >= 0xC0:
            return at + 2
        at += 1 + size
        if size == 0:
            return at
    raise ValueError("a name without end")


def _joined(data: bytes) -> str:
    """A record is made of strings of 255 bytes at most."""
    parts, at = [], 0
    while at < len(data):
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts).decode("utf-8", "replace")
