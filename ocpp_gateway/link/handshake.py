"""Decides before the WebSocket upgrade whether a client may connect. Each refusal has a status and a recorded cause."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from chargers.credentials import services as credentials_services
from chargers.credentials.services import PASSWORD_FIELDS, is_weak
from chargers.models import ChargingStation, Event
from chargers.stations.services import identities, links
from cpms.common.database.batches import server_side_cursor
from cpms.common.database.prepared import Prepared
from cpms.common.messaging.news import tell_pages
from maintenance.connections.services.refusals import Refusal
from maintenance.models import RefusedConnection, StationLink
from ocpp_gateway import codec as codecs
from ocpp_gateway.codec import Codec
from operations.commands.services import settling
from operations.models import Command

logger = logging.getLogger(__name__)
Cause, Near = RefusedConnection.Cause, RefusedConnection.Near
MAX_IDENTITY_LENGTH = 48
_REGULAR = re.compile(rb"(?P<prefix>/ocpp/)(?P<identity>[^/]+)")
_LOOSE = re.compile(rb"/+(?P<prefix>ocpp/+)?(?P<identity>[^/]+)/*")
WINDOW_SECONDS = 60
CACHE_RETRY_SECONDS = 3.0
ATTEMPTS = 3
SLOW_HASH_WAIT_SECONDS = 0.5
_slow_hash_slots = threading.BoundedSemaphore(2)  # so that most database threads stay free for other stations
MIN_TLS_PROFILE = 2  # the lowest OCPP security profile that uses TLS
STATUS = {
    Cause.UNKNOWN_PATH: 404,
    Cause.UNKNOWN_IDENTITY: 404,
    Cause.NO_SUBPROTOCOL: 400,
    Cause.WRONG_SUBPROTOCOL: 400,
    Cause.NO_CREDENTIALS: 401,
    Cause.WRONG_CREDENTIALS: 401,
    Cause.WRONG_USER: 401,
    Cause.TWO_CREDENTIALS: 401,
    Cause.TOO_MANY_ATTEMPTS: 429,
    Cause.NOT_ENCRYPTED: 403,
    Cause.STORAGE: 503,
}


class Refused(Exception):
    """A client is refused.

    Attributes:
        near: what a client that resembles a station got wrong.
        path: the requested path without possible secrets; empty if the path may be recorded as it is.
        attempts: the number of unknown clients from the same source within a minute.
    """

    near, path, attempts, is_throttled = "", "", 0, False

    def __init__(self, cause: str, *, identity: str = "", station_id: int | None = None, near: str = "") -> None:
        super().__init__(cause)
        self.cause, self.identity, self.station_id, self.near = Cause(cause), identity, station_id, near

    @property
    def status(self) -> int:
        return 429 if self.is_throttled else STATUS[self.cause]


@dataclass(frozen=True, slots=True)
class HandshakeRequest:
    """The parts of an HTTP upgrade request that decide about admission."""

    raw_path: bytes
    authorizations: list[bytes]
    subprotocols: list[str]
    remote_address: str
    is_tls: bool
    user_agent: str
    forwarded_for: str = ""  # the X-Forwarded-For header, whether the proxy is trusted or not

    @classmethod
    def of(cls, scope: dict[str, Any]) -> HandshakeRequest:
        headers = scope["headers"]
        client = scope.get("client") or ("", 0)
        agent = next((value for name, value in headers if name == b"user-agent"), b"")
        return cls(
            raw_path=scope.get("raw_path") or scope["path"].encode(),
            authorizations=[value for name, value in headers if name == b"authorization"],
            subprotocols=list(scope.get("subprotocols") or []),
            remote_address=client[0] or "",
            is_tls=scope.get("scheme") == "wss",
            user_agent=agent.decode("latin-1"),
            forwarded_for=", ".join(value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"),
        )

    def refusal(self, refused: Refused) -> Refusal:
        kinds = {_kind_of_authentication(value) for value in self.authorizations}
        return Refusal(
            cause=refused.cause,
            path=refused.path or printable(self.raw_path.decode("latin-1")),
            identity=refused.identity,
            station_id=refused.station_id,
            near=refused.near,
            remote_address=self.remote_address,
            subprotocols=printable(", ".join(self.subprotocols)),
            authentication=", ".join(sorted(kinds)),
            is_tls=self.is_tls,
            user_agent=printable(self.user_agent),
        )


@dataclass(frozen=True, slots=True)
class Admission:
    """A client that may connect."""

    station_id: int
    identity: str
    epoch: int
    is_accepted: bool
    is_boot_missing: bool  # a team's station that has never booted here
    has_commands: bool  # there are commands to send, or unsettled ones of an older link
    previous_node: str  # name of the node that held the station's link until now, if any


def _kind_of_authentication(header: bytes) -> str:
    """Return the authentication scheme if it is a known one: a bare password would look like a scheme, too."""
    kind, blank, _rest = header.partition(b" ")
    return kind.decode().capitalize() if blank and kind.lower() in (b"basic", b"bearer", b"digest") else "other"


def printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)


@dataclass(frozen=True, slots=True)
class Address:
    """The identity in a client's address. Irregular addresses are accepted from known stations only."""

    identity: str
    is_regular: bool = True
    unknown_cause: str = Cause.UNKNOWN_IDENTITY  # the cause of the refusal if no station has this identity


def read_address(raw_path: bytes) -> Address:
    """Return the identity in the address.

    Stations append their identity to the configured URL in different ways, so extra slashes and an address without
    `/ocpp` are accepted as long as exactly one segment remains. The path is split before it is decoded: a
    percent-encoded slash belongs to the identity.

    Raises:
        Refused: the path is not an OCPP address.
    """
    regular, loose = _REGULAR.fullmatch(raw_path), _LOOSE.fullmatch(raw_path)
    found = regular or (loose if settings.OCPP_LENIENT_PATHS else None)
    if found is None or re.search(rb"%(?![0-9A-Fa-f]{2})", found["identity"]):
        raise Refused(Cause.UNKNOWN_PATH)
    if regular is None and found["prefix"] is None and found["identity"] == b"ocpp":  # the prefix without an identity
        raise Refused(Cause.UNKNOWN_PATH)
    try:
        identity = unquote_to_bytes(found["identity"]).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(Cause.UNKNOWN_PATH) from None
    cause = Cause.UNKNOWN_IDENTITY if found["prefix"] else Cause.UNKNOWN_PATH
    if len(identity) > MAX_IDENTITY_LENGTH or not identity.isprintable():
        raise Refused(cause)
    return Address(identity, regular is not None, cause)


def choose_codec(subprotocols: list[str]) -> tuple[Codec, str | None]:
    """Return the OCPP version and the subprotocol to send in the response.

    Raises:
        Refused: none of the offered subprotocols is supported.
    """
    if not subprotocols:
        if settings.OCPP_WITHOUT_SUBPROTOCOL == "refuse":
            raise Refused(Cause.NO_SUBPROTOCOL)
        return codecs.by_protocol(settings.OCPP_WITHOUT_SUBPROTOCOL), None
    codec = codecs.choose(subprotocols)
    if codec is None:
        raise Refused(Cause.WRONG_SUBPROTOCOL)
    return codec, codec.subprotocol


def admit(*, request: HandshakeRequest, address: Address, codec: Codec, node_id: int) -> Admission:
    """Check the credentials and make this link the station's only one. Runs in a database thread.

    Raises:
        Refused: the station is unknown or did not authenticate itself.
    """
    identity = address.identity
    for _attempt in range(ATTEMPTS):
        station = _find_station(identity) or _add_to_pool(address)
        _check_encryption(station, request)
        if station.team_id is not None:
            _check_password(station, request)
        epoch = _open_link(station, request, codec, node_id)
        if epoch:
            break
    else:  # the station kept changing (handed over, deleted, added again) in the meantime: it will try again soon
        raise Refused(Cause.STORAGE, identity=identity)
    if station.has_commands:  # calls sent over an older link will not be answered any more
        settling.settle_commands_of_link(station_id=station.pk, epoch=epoch - 1)
    tell_pages({station.team_id: [station.pk]})
    is_served = station.team_id is not None and station.registration != ChargingStation.Registration.REJECTED
    return Admission(
        station_id=station.pk,
        identity=identity,
        epoch=epoch,
        is_accepted=is_served,
        is_boot_missing=is_served and station.registration != ChargingStation.Registration.ACCEPTED,
        has_commands=station.has_commands,
        previous_node=station.node_name or "",
    )


@dataclass(frozen=True, slots=True)
class _Station:
    """The columns that the handshake needs: a reconnecting fleet reads them thousands of times."""

    pk: int
    identity: str
    team_id: int | None
    password: bytes | None
    password_hash: str
    has_weak_password: bool | None
    next_password: bytes | None
    next_password_hash: str
    next_has_weak_password: bool | None
    next_password_message_id: str
    registration: str
    security_profile: int | None
    node_name: str | None
    has_commands: bool

    @property
    def stored_password(self) -> credentials_services.StoredPassword:
        return credentials_services.StoredPassword(self.password, self.password_hash)

    @property
    def stored_next_password(self) -> credentials_services.StoredPassword:
        return credentials_services.StoredPassword(self.next_password, self.next_password_hash)

    @property
    def may_be_guessed(self) -> bool:
        """Whether a password is weak or of unknown strength. Passwords stored readable are checked directly."""
        readable = [bytes(secret) for secret in (self.password, self.next_password) if secret is not None]
        flags = [
            flag
            for hashed, flag in (
                (self.password_hash, self.has_weak_password),
                (self.next_password_hash, self.next_has_weak_password),
            )
            if hashed
        ]
        return any(is_weak(secret) for secret in readable) or any(flag is not False for flag in flags)


@Prepared
def _station_by_identity(identity: Any) -> Any:
    unsettled = Command.objects.unsettled().filter(station=OuterRef("pk"))
    return (
        ChargingStation.objects.filter(identity=identity)
        .values_list(
            "pk",
            "identity",
            "team_id",
            *PASSWORD_FIELDS,
            "registration",
            "security_profile",
            "node__name",
            Exists(unsettled),
        )
        .order_by()
    )


def _find_station(identity: str) -> _Station | None:
    row = _station_by_identity.first(identity=identity)
    return _Station(*row) if row is not None else None


def _open_link(station: _Station, request: HandshakeRequest, codec: Codec, node_id: int) -> int:
    """Store the new epoch and the row of the connection, on PostgreSQL in one statement. Return the epoch.

    Return 0 if the station was deleted, handed over or renamed since it was read.
    """
    now = timezone.now()
    if connection.vendor == "postgresql":
        with server_side_cursor() as cursor:
            opened = [node_id, request.remote_address[:64], now, now, codec.protocol, station.pk, station.identity]
            values = [*opened, now, Event.Kind.OFFLINE.value, str(node_id), codec.subprotocol]
            row = cursor.execute(_OPEN, values, prepare=True).fetchone()
        return int(row[0]) if row is not None else 0
    with transaction.atomic():
        epoch = links.open_link(
            station_id=station.pk,
            node_id=node_id,
            remote_address=request.remote_address[:64],
            at=now,
            identity=station.identity,
            protocol=codec.protocol,
        )
        if not epoch:
            return 0
        StationLink.objects.create(
            station_id=station.pk,
            epoch=epoch,
            node=str(node_id),
            remote_address=request.remote_address[:64],
            subprotocol=codec.subprotocol,
            opened_at=now,
        )
    return epoch


_OPEN = """
WITH opened AS (
    UPDATE chargers_chargingstation
    SET epoch = epoch + 1, node_id = %s, remote_address = %s, connected_at = %s, last_heard_at = %s,
        protocol = %s
    WHERE id = %s AND identity = %s AND handed_over_at IS NULL RETURNING id, epoch, remote_address, connected_at
), online_again AS (
    UPDATE chargers_event SET ended_at = %s
    FROM opened WHERE chargers_event.station_id = opened.id AND kind = %s AND ended_at IS NULL
)
INSERT INTO maintenance_stationlink (station_id, epoch, node, remote_address, subprotocol, opened_at)
SELECT id, epoch, %s, remote_address, %s, connected_at FROM opened RETURNING epoch
"""


def _add_to_pool(address: Address) -> _Station:
    """Add an unknown station to the pool, if the pool is enabled.

    Raises:
        Refused: the pool is disabled or full, or the identity cannot be used.
    """
    identity = address.identity
    unknown = Refused(address.unknown_cause, identity=identity)
    if not settings.OCPP_POOL or not address.is_regular or not identities.is_usable_identity(identity):
        raise unknown
    if ChargingStation.objects.filter(team__isnull=True).count() >= settings.OCPP_POOL_LIMIT:
        logger.warning("the pool is full", extra={"station": identity})
        raise unknown
    ChargingStation.objects.get_or_create(
        identity=identity, defaults={"registration": ChargingStation.Registration.PENDING}
    )
    station = _find_station(identity)
    if station is None:
        raise unknown
    return station


def _check_encryption(station: _Station, request: HandshakeRequest) -> None:
    """Refuse an unencrypted connection of a station that uses TLS: it is an impostor, or the station was reset."""
    if (station.security_profile or 0) >= MIN_TLS_PROFILE and not request.is_tls:
        raise Refused(Cause.NOT_ENCRYPTED, identity=station.identity, station_id=station.pk)


def _check_password(station: _Station, request: HandshakeRequest) -> None:
    def refused(cause: str, near: str = "") -> Refused:
        return Refused(cause, identity=station.identity, station_id=station.pk, near=near)

    if len(request.authorizations) > 1:
        raise refused(Cause.TWO_CREDENTIALS)
    if not request.authorizations:
        raise refused(Cause.NO_CREDENTIALS)
    key = f"ocpp-wrong:{request.remote_address}:{station.pk}"
    is_limit_reached = _wrong_attempts(key) >= settings.OCPP_WRONG_PASSWORDS_PER_MINUTE
    if is_limit_reached and station.may_be_guessed:
        raise refused(Cause.TOO_MANY_ATTEMPTS)
    kind, _space, encoded = request.authorizations[0].partition(b" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True) if kind.lower() == b"basic" else b""
    except binascii.Error:
        decoded = b""
    user = station.identity.encode() + b":"
    if not decoded.startswith(user):  # the user name must be the identity, which may itself contain a colon
        count_attempt(key)
        if is_limit_reached or not decoded:
            raise refused(Cause.TOO_MANY_ATTEMPTS if is_limit_reached else Cause.WRONG_CREDENTIALS)
        raise refused(Cause.WRONG_USER, Near.USER_CASE if decoded.lower().startswith(user.lower()) else "")
    given = decoded[len(user) :]
    if not (_is_correct_when_throttled(station, given) if is_limit_reached else _is_correct_password(station, given)):
        count_attempt(key)
        if is_limit_reached:
            raise refused(Cause.TOO_MANY_ATTEMPTS)
        raise refused(Cause.WRONG_CREDENTIALS, _near_password(station.password, given))


def _near_password(stored: bytes | None, given: bytes) -> str:
    """Return how a wrong password nearly matches the right one. Only the station's team can see this."""
    if stored is None:
        return ""
    if hmac.compare_digest(given.strip(b" \t\r\n\0"), bytes(stored)):
        return Near.PASSWORD_BLANKS
    return Near.PASSWORD_CASE if hmac.compare_digest(given.lower(), bytes(stored).lower()) else ""


def _is_correct_when_throttled(station: _Station, given: bytes) -> bool:
    """Check a password after too many wrong ones.

    The right one is still accepted, since several stations may share an address. But at most two threads compute slow
    hashes; if both are busy, the client is refused and tries again.
    """
    if credentials_services.can_verify_quickly(given, station.stored_password, station.stored_next_password):
        return _is_correct_password(station, given)
    if not _slow_hash_slots.acquire(timeout=SLOW_HASH_WAIT_SECONDS):
        return False
    try:
        return _is_correct_password(station, given)
    finally:
        _slow_hash_slots.release()


def _is_correct_password(station: _Station | None, given: bytes) -> bool:
    for _attempt in range(ATTEMPTS):
        if station is None:  # deleted in the meantime
            return False
        is_correct = credentials_services.sign_in_station(
            station_id=station.pk,
            given=given,
            stored=station.stored_password,
            next_stored=station.stored_next_password,
            message_id=station.next_password_message_id,
        )
        if is_correct and station.has_weak_password is None and not station.next_password_message_id:
            credentials_services.record_password_strength(
                station_id=station.pk, given=given, stored=station.stored_password
            )
        if is_correct is not None:
            return is_correct
        station = _find_station(station.identity)  # another login or an answer has settled which password is valid
    return False


class _CacheBreaker:
    """A circuit breaker for the cache: each timeout costs a second, too much for every link of a reconnecting fleet."""

    def __init__(self) -> None:
        self._open_until = 0.0

    @property
    def is_closed(self) -> bool:
        return time.monotonic() >= self._open_until

    def open(self) -> None:
        """Stop using the cache for a while. Passwords are still checked, only attempts are not counted."""
        self._open_until = time.monotonic() + CACHE_RETRY_SECONDS
        logger.warning("wrong passwords are not counted: the cache does not answer")


_cache_breaker = _CacheBreaker()


def _wrong_attempts(key: str) -> int:
    """Return the number of wrong passwords within a minute. The key names source and station, so that other stations
    behind the same address are not locked out. 0 while the cache is unavailable."""
    if _cache_breaker.is_closed:
        try:
            return int(cache.get(key, 0))
        except Exception:
            _cache_breaker.open()
    return 0


def count_attempt(key: str) -> int:
    """Count an attempt. Return the number within a minute, or 0 while the cache is unavailable."""
    if _cache_breaker.is_closed:
        try:
            cache.add(key, 0, WINDOW_SECONDS)
            return int(cache.incr(key))
        except Exception:
            _cache_breaker.open()
    return 0
