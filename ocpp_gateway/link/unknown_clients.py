"""Refused clients that are not a known station: which station they resemble, and how many come from one source."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from django.conf import settings

from chargers.onboarding.services import resemblance
from cpms.common.web.addresses import source_of
from maintenance.connections.services.refusals import record_refusal
from maintenance.models import RefusedConnection
from ocpp_gateway.link.handshake import MAX_IDENTITY_LENGTH, HandshakeRequest, Refused, count_attempt, printable

Near = RefusedConnection.Near
RECORD_EVERY = 10  # of throttled refusals only every tenth is recorded, and counted ten times
MAX_SEGMENTS = 2  # of an unknown client's path are recorded: what follows may be a password
HIDDEN = "…"


def find_resembled_station(request: HandshakeRequest, refused: Refused) -> None:
    """Set on `refused` which station the client resembles, and whether its source sent too many unknown clients.

    A client with the exact identity of a station is never throttled because of others behind the same address. Runs in
    a database thread.
    """
    path = request.raw_path.decode("latin-1")
    segments = [segment for segment in path.split("/") if segment]
    identities = [_decoded(segment) for segment in segments]
    user = _user_name(request)
    found = resemblance.find_similar_station([*reversed(identities), *([user] if user else [])])
    position = None if found is None else _position_of(identities, found.identity)
    given = user if position is None else identities[position]
    if found is not None:
        refused.station_id, refused.identity = found.station_id, given[:MAX_IDENTITY_LENGTH]
        refused.near = _mistake(refused, given, found.identity, is_in_address=position is not None)
    refused.path = _without_secrets(path, segments, position)
    if found is None or position is None or given != found.identity:
        refused.attempts = count_attempt(f"ocpp-unknown:{source_of(request.remote_address)}")
        refused.is_throttled = refused.attempts > settings.OCPP_UNKNOWN_PER_MINUTE


def record_client_refusal(request: HandshakeRequest, refused: Refused) -> None:
    """Record a refusal; of throttled ones only a sample. Runs in a database thread."""
    if not refused.is_throttled:
        record_refusal(request.refusal(refused))
    elif refused.attempts % RECORD_EVERY == 0:
        record_refusal(request.refusal(refused), times=RECORD_EVERY)


def _position_of(identities: list[str], identity: str) -> int | None:
    """Return the index of the path segment that is the identity or resembles it, or None."""
    if identity in identities:
        return identities.index(identity)
    normalized = [name.strip().upper() for name in identities]
    return normalized.index(identity.upper()) if identity.upper() in normalized else None


def _mistake(refused: Refused, given: str, identity: str, *, is_in_address: bool) -> str:
    if not is_in_address:
        return Near.USER
    if given == identity:  # the identity is right: its position is wrong, or the refusal has another cause
        return Near.PATH if refused.status == 404 else ""
    return Near.BLANKS if given.strip() == identity else Near.CASE


def _decoded(segment: str) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace").replace("\0", "")[: MAX_IDENTITY_LENGTH + 8]


def _user_name(request: HandshakeRequest) -> str:
    """Return the user name of Basic authentication. It is only recorded if it turns out to be a station's identity."""
    if len(request.authorizations) != 1:
        return ""
    kind, _blank, encoded = request.authorizations[0].partition(b" ")
    if kind.lower() != b"basic":
        return ""
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return ""
    name, colon, _password = decoded.partition(b":")
    return name.decode("utf-8", "replace").replace("\0", "")[: MAX_IDENTITY_LENGTH + 8] if colon else ""


def _without_secrets(path: str, segments: list[str], position: int | None) -> str:
    """Return the path up to the identity, or its first segments: some clients put a password after them."""
    shown_count = MAX_SEGMENTS if position is None else position + 1
    if len(segments) <= shown_count:
        return printable(path)
    shown = re.match(rf"(?:/*[^/]+){{{shown_count}}}", path)
    return f"{printable(shown[0] if shown else '')}/{HIDDEN}"
