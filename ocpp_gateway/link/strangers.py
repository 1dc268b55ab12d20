"""Clients that are no station we know: which one they may be meant to be, and how many come from one source."""

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
COUNTED_EVERY = 10  # of the throttled ones one in so many is written down, and stands for all of them
MAX_SEGMENTS = 2  # of a stranger's address that are written down: what follows may be a password
HIDDEN = "…"


def find_near_miss(knock: HandshakeRequest, refused: Refused) -> None:
    """Find out which station a refused client resembles, and whether too many unknown ones came from its source.

    A client with the exact identity of a station is known: its neighbours' mistakes do not hold it up. Runs in a
    database thread.
    """
    path = knock.raw_path.decode("latin-1")
    segments = [segment for segment in path.split("/") if segment]
    identities = [_decoded(segment) for segment in segments]
    user = _user_name(knock)
    found = resemblance.find_similar_station([*reversed(identities), *([user] if user else [])])
    place = None if found is None else _place_in(identities, found.identity)
    given = user if place is None else identities[place]
    if found is not None:
        refused.station_id, refused.identity = found.station_id, given[:MAX_IDENTITY_LENGTH]
        refused.near = _mistake(refused, given, found.identity, is_in_address=place is not None)
    refused.path = _without_secrets(path, segments, place)
    if found is None or place is None or given != found.identity:
        refused.attempts = count_attempt(f"ocpp-unknown:{source_of(knock.remote_address)}")
        refused.is_throttled = refused.attempts > settings.OCPP_UNKNOWN_PER_MINUTE


def remember_refusal(knock: HandshakeRequest, refused: Refused) -> None:
    """Record a refusal. Runs in a database thread."""
    if not refused.is_throttled:
        record_refusal(knock.refusal(refused))
    elif refused.attempts % COUNTED_EVERY == 0:
        record_refusal(knock.refusal(refused), times=COUNTED_EVERY)


def _place_in(identities: list[str], identity: str) -> int | None:
    """Which segment of the address is the identity, or else resembles it."""
    if identity in identities:
        return identities.index(identity)
    alike = [name.strip().upper() for name in identities]
    return alike.index(identity.upper()) if identity.upper() in alike else None


def _mistake(refused: Refused, given: str, identity: str, *, is_in_address: bool) -> str:
    if not is_in_address:
        return Near.USER
    if given == identity:  # the right identity at a wrong place, or another fault than the address
        return Near.PATH if refused.status == 404 else ""
    return Near.BLANKS if given.strip() == identity else Near.CASE


def _decoded(segment: str) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace").replace("\0", "")[: MAX_IDENTITY_LENGTH + 8]


def _user_name(knock: HandshakeRequest) -> str:
    """The user name of Basic authentication. Only one that turns out to be a station's is ever written down."""
    if len(knock.authorizations) != 1:
        return ""
    kind, _blank, encoded = knock.authorizations[0].partition(b" ")
    if kind.lower() != b"basic":
        return ""
    try:
        clear = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return ""
    name, colon, _password = clear.partition(b":")
    return name.decode("utf-8", "replace").replace("\0", "")[: MAX_IDENTITY_LENGTH + 8] if colon else ""


def _without_secrets(path: str, segments: list[str], place: int | None) -> str:
    """The address up to the identity, or its first segments: some write a password behind them."""
    kept = MAX_SEGMENTS if place is None else place + 1
    if len(segments) <= kept:
        return printable(path)
    shown = re.match(rf"(?:/*[^/]+){{{kept}}}", path)
    return f"{printable(shown[0] if shown else '')}/{HIDDEN}"
