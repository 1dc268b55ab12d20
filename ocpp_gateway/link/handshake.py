"""Decides before the WebSocket upgrade who may connect. Every refusal has its own status and a recorded cause."""

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
CACHE_RESTS_SECONDS = 3.0
ATTEMPTS = 3
CROWD_WAITS_SECONDS = 0.5
_crowded = threading.BoundedSemaphore(2)  # of the threads for the database: most of them stay for everybody else
MIN_TLS_PROFILE = 2  # of the OCPP security profiles
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
    """Why a client is not let in.

    Attributes:
        near: what a client that resembles a station got wrong.
        path: its address as it may be written down; empty: as it is.
        attempts: how many unknown clients came from its source within a minute.
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
    """What a client shows before the upgrade."""

    raw_path: bytes
    authorizations: list[bytes]
    subprotocols: list[str]
    remote_address: str
    is_tls: bool
    user_agent: str
    forwarded_for: str = ""  # the header of a proxy, believed or not

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
    """A link that may be opened."""

    station_id: int
    identity: str
    epoch: int
    is_accepted: bool
    is_boot_missing: bool  # a station of a team that never booted here
    has_commands: bool  # somebody asked for something, or an older link left something open
    previous_node: str  # the name of the node that held the station's link until now, if any


def _kind_of_authentication(header: bytes) -> str:
    """Only words that are known: where a station sends its password bare, the first word is the password."""
    kind, blank, _rest = header.partition(b" ")
    return kind.decode().capitalize() if blank and kind.lower() in (b"basic", b"bearer", b"digest") else "other"


def printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)


@dataclass(frozen=True, slots=True)
class Address:
    """The identity in a client's address. Only a known station may come by an irregular one, never a stranger."""

    identity: str
    is_regular: bool = True
    unknown_cause: str = Cause.UNKNOWN_IDENTITY  # why it is refused where nobody has this identity


def read_address(raw_path: bytes) -> Address:
    """Return the identity in the address.

    Stations append their identity to the URL they are given in ways of their own, so slashes too many and an address
    without `/ocpp` are understood as long as exactly one segment is left. It is split before it is decoded: a slash
    that is percent-encoded belongs to the identity.

    Raises:
        Refused: the address is none of an OCPP link.
    """
    regular, loose = _REGULAR.fullmatch(raw_path), _LOOSE.fullmatch(raw_path)
    found = regular or (loose if settings.OCPP_LENIENT_PATHS else None)
    if found is None or re.search(rb"%(?![0-9A-Fa-f]{2})", found["identity"]):
        raise Refused(Cause.UNKNOWN_PATH)
    if regular is None and found["prefix"] is None and found["identity"] == b"ocpp":  # the prefix with nothing behind
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
    """The version to speak and the subprotocol to name in the answer.

    Raises:
        Refused: none of the subprotocols that the client offers is supported.
    """
    if not subprotocols:
        if settings.OCPP_WITHOUT_SUBPROTOCOL == "refuse":
            raise Refused(Cause.NO_SUBPROTOCOL)
        return codecs.by_protocol(settings.OCPP_WITHOUT_SUBPROTOCOL), None
    codec = codecs.choose(subprotocols)
    if codec is None:
        raise Refused(Cause.WRONG_SUBPROTOCOL)
    return codec, codec.subprotocol


def admit(*, knock: HandshakeRequest, address: Address, codec: Codec, node_id: int) -> Admission:
    """Check the credentials and make this link the station's only one. Runs in a database thread.

    Raises:
        Refused: the station is not known or did not prove who it is.
    """
    identity = address.identity
    for _attempt in range(ATTEMPTS):
        station = _find(identity) or _pooled(address)
        _check_encryption(station, knock)
        if station.team_id is not None:
            _check_password(station, knock)
        epoch = _open_link(station, knock, codec, node_id)
        if epoch:
            break
    else:  # handed over, deleted, made anew, each in the moment between: it comes back soon
        raise Refused(Cause.STORAGE, identity=identity)
    if station.has_commands:  # what an older link sent is answered no more
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
    """Only what the handshake needs: a fleet that comes back at once asks for it thousands of times."""

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
    def kept(self) -> credentials_services.StoredPassword:
        return credentials_services.StoredPassword(self.password, self.password_hash)

    @property
    def next_kept(self) -> credentials_services.StoredPassword:
        return credentials_services.StoredPassword(self.next_password, self.next_password_hash)

    @property
    def may_be_guessed(self) -> bool:
        """A password that is weak, or of which that is not known. What can be read is judged by itself."""
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
def _station_with(identity: Any) -> Any:
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


def _find(identity: str) -> _Station | None:
    row = _station_with.first(identity=identity)
    return _Station(*row) if row is not None else None


def _open_link(station: _Station, knock: HandshakeRequest, codec: Codec, node_id: int) -> int:
    """The new epoch, written together with the connection's own row; on PostgreSQL in one statement.

    0 when the station was deleted, handed over or given another identity since it was found.
    """
    now = timezone.now()
    if connection.vendor == "postgresql":
        with server_side_cursor() as cursor:
            opened = [node_id, knock.remote_address[:64], now, now, codec.protocol, station.pk, station.identity]
            values = [*opened, now, Event.Kind.OFFLINE.value, str(node_id), codec.subprotocol]
            row = cursor.execute(_OPEN, values, prepare=True).fetchone()
        return int(row[0]) if row is not None else 0
    with transaction.atomic():
        epoch = links.open_link(
            station_id=station.pk,
            node_id=node_id,
            remote_address=knock.remote_address[:64],
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
            remote_address=knock.remote_address[:64],
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


def _pooled(address: Address) -> _Station:
    """Let an unknown station wait in the pool, if the operator of the platform has switched the pool on."""
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
    station = _find(identity)
    if station is None:
        raise unknown
    return station


def _check_encryption(station: _Station, knock: HandshakeRequest) -> None:
    """A station that was set to TLS never comes back without it: whoever does is not the station, or it was reset."""
    if (station.security_profile or 0) >= MIN_TLS_PROFILE and not knock.is_tls:
        raise Refused(Cause.NOT_ENCRYPTED, identity=station.identity, station_id=station.pk)


def _check_password(station: _Station, knock: HandshakeRequest) -> None:
    def refused(cause: str, near: str = "") -> Refused:
        return Refused(cause, identity=station.identity, station_id=station.pk, near=near)

    if len(knock.authorizations) > 1:
        raise refused(Cause.TWO_CREDENTIALS)
    if not knock.authorizations:
        raise refused(Cause.NO_CREDENTIALS)
    key = f"ocpp-wrong:{knock.remote_address}:{station.pk}"
    is_full = _wrong_attempts(key) >= settings.OCPP_WRONG_PASSWORDS_PER_MINUTE
    if is_full and station.may_be_guessed:
        raise refused(Cause.TOO_MANY_ATTEMPTS)
    kind, _space, encoded = knock.authorizations[0].partition(b" ")
    try:
        clear = base64.b64decode(encoded.strip(), validate=True) if kind.lower() == b"basic" else b""
    except binascii.Error:
        clear = b""
    user = station.identity.encode() + b":"
    if not clear.startswith(user):  # the user name must be the identity, which may itself contain a colon
        count_attempt(key)
        if is_full or not clear:
            raise refused(Cause.TOO_MANY_ATTEMPTS if is_full else Cause.WRONG_CREDENTIALS)
        raise refused(Cause.WRONG_USER, Near.USER_CASE if clear.lower().startswith(user.lower()) else "")
    given = clear[len(user) :]
    if not (_fits_in_a_crowd(station, given) if is_full else _password_fits(station, given)):
        count_attempt(key)
        if is_full:
            raise refused(Cause.TOO_MANY_ATTEMPTS)
        raise refused(Cause.WRONG_CREDENTIALS, _near_password(station.password, given))


def _near_password(stored: bytes | None, given: bytes) -> str:
    """What somebody got wrong who nearly typed the right password. Only the station's team is told."""
    if stored is None:
        return ""
    if hmac.compare_digest(given.strip(b" \t\r\n\0"), bytes(stored)):
        return Near.PASSWORD_BLANKS
    return Near.PASSWORD_CASE if hmac.compare_digest(given.lower(), bytes(stored).lower()) else ""


def _fits_in_a_crowd(station: _Station, given: bytes) -> bool:
    """The same where many wrong ones came before: the right one still opens the door, since neighbours may share the
    address, but slow hashes are worked out in two threads at most, and whoever finds none free comes back."""
    if credentials_services.can_verify_quickly(given, station.kept, station.next_kept):
        return _password_fits(station, given)
    if not _crowded.acquire(timeout=CROWD_WAITS_SECONDS):
        return False
    try:
        return _password_fits(station, given)
    finally:
        _crowded.release()


def _password_fits(station: _Station | None, given: bytes) -> bool:
    for _attempt in range(ATTEMPTS):
        if station is None:  # deleted meanwhile
            return False
        fits = credentials_services.sign_in_station(
            station_id=station.pk,
            given=given,
            stored=station.kept,
            next_stored=station.next_kept,
            message_id=station.next_password_message_id,
        )
        if fits and station.has_weak_password is None and not station.next_password_message_id:
            credentials_services.record_password_strength(station_id=station.pk, given=given, stored=station.kept)
        if fits is not None:
            return fits
        station = _find(station.identity)  # another login or an answer settled which password counts
    return False


class _Patience:
    """A cache that is silent costs a second per question: a fleet that comes back cannot ask it for every link."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    @property
    def is_worth_asking(self) -> bool:
        return time.monotonic() >= self._rests_until

    def lose(self) -> None:
        """The cache is away: the password itself still counts."""
        self._rests_until = time.monotonic() + CACHE_RESTS_SECONDS
        logger.warning("wrong passwords are not counted: the cache does not answer")


_patience = _Patience()


def _wrong_attempts(key: str) -> int:
    """Count per source and station, so that neighbours behind one address are not locked out."""
    if _patience.is_worth_asking:
        try:
            return int(cache.get(key, 0))
        except Exception:
            _patience.lose()
    return 0


def count_attempt(key: str) -> int:
    """Count one more within a minute; returns how many there were, 0 while the cache is away."""
    if _patience.is_worth_asking:
        try:
            cache.add(key, 0, WINDOW_SECONDS)
            return int(cache.incr(key))
        except Exception:
            _patience.lose()
    return 0
