"""Store, verify and replace the passwords of stations.

A password is stored encrypted or, if the team prefers, as a hash. It can be changed by OCPP: between sending the new
password and knowing whether the station accepted it, there are two of them, and the station may sign in with either.
The next password is settled by the station's answer or by the first sign-in, whichever comes first; the other one is
then rejected.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import threading
from collections import OrderedDict
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import HIDDEN, Action, record_entry
from accounts.models import StationPasswords, Team, User
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.messaging.news import tell_pages

logger = logging.getLogger(__name__)
MAX_PASSWORD_LENGTH = 255
RANDOM_BYTES = 20  # OCPP 1.6 lets a station store 40 characters of hex text at most
STRONG_CHARACTERS = 16  # a shorter password can be guessed with patience
NO_NEXT_PASSWORD: dict[str, Any] = {
    "next_password": None,
    "next_password_hash": "",
    "next_has_weak_password": None,
    "next_password_message_id": "",
}
AFTER_REBOOT = "after reboot"  # instead of a message id: accepted by the station, which uses it after its next reboot
PASSWORD_FIELDS = ("password", "password_hash", "has_weak_password", *NO_NEXT_PASSWORD)
HASH_BATCH_SIZE = 500


class StoredPassword(NamedTuple):
    """A password as it is stored: encrypted or as a hash, never both."""

    password: bytes | None
    password_hash: str


class StationPasswordHasher(ScryptPasswordHasher):
    """Scrypt with a low work factor: about 20 ms and 8 MiB for each password.

    Station passwords are hardly ever chosen by people, and when a process starts, a thousand stations must be able to
    reconnect within seconds. Scrypt runs without Python's global lock, so that other threads can work, and verified
    passwords are remembered, see `_Verified`.
    """

    work_factor = 2**13
    parallelism = 1


_hasher = StationPasswordHasher()


class _Verified:
    """Remembers which password matched a hash since this process started.

    It stores a fast keyed digest whose key never leaves the process, so that a fleet that reconnects again and again
    costs the slow hash once per station.
    """

    MAX_ENTRIES = 100_000

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._digests: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, text: str, stored: str) -> bool:
        known = self._digests.get(stored)
        return known is not None and hmac.compare_digest(known, self._digest(text))

    def remember(self, text: str, stored: str) -> None:
        with self._lock:
            self._digests[stored] = self._digest(text)
            if len(self._digests) > self.MAX_ENTRIES:
                self._digests.popitem(last=False)

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")


_verified = _Verified()


def generate_password() -> str:
    """Return random bytes as hex text, as AuthorizationKey needs it (OCPP 1.6 security whitepaper, errata 2023-12)."""
    return secrets.token_hex(RANDOM_BYTES)


def check_password(password: str | bytes) -> bytes:
    """Return the password as the bytes that the station signs in with; text is encoded as UTF-8.

    Raises:
        DomainError: the password is empty, too long, or text with a character that cannot be printed.
    """
    sentence = ""
    secret = b""
    if isinstance(password, str) and not password.isprintable():
        sentence = _("A password entered as text may contain only printable characters.")
    else:
        secret = password.encode() if isinstance(password, str) else bytes(password)
        if not 1 <= len(secret) <= MAX_PASSWORD_LENGTH:
            sentence = _("A station password must have 1 to %(most)d bytes.") % {"most": MAX_PASSWORD_LENGTH}
    if sentence:
        raise DomainError(sentence, fields={"password": sentence})
    return secret


def is_weak(secret: bytes) -> bool:
    """Return whether a password is so short that guessing it must be stopped by a hard limit.

    Bytes that are not text are measured as the hex text by which they are set.
    """
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        text = secret.hex()
    return len(text if text.isprintable() else secret.hex()) < STRONG_CHARACTERS


# --- verifying -----------------------------------------------------------------------------------------------------


def verify_password(given: bytes, stored: StoredPassword) -> bool:
    """Return whether a password matches the stored one. Hex text and the bytes it encodes are the same password."""
    if stored.password is not None:
        return _verify_clear(given, stored.password)
    if not stored.password_hash:
        return False
    text = _canonical_hex(given)
    if _verified.knows(text, stored.password_hash):
        return True
    with _hash_slots():
        is_right = _hasher.verify(text, stored.password_hash)
    if is_right:
        _verified.remember(text, stored.password_hash)
    return is_right


def can_verify_quickly(given: bytes, *stored: StoredPassword) -> bool:
    """Return whether a password can be compared with these stored ones without computing a slow hash."""
    text = _canonical_hex(given)
    return any(each.password_hash and _verified.knows(text, each.password_hash) for each in stored) or not any(
        each.password_hash for each in stored
    )


@cache
def _hash_slots() -> threading.BoundedSemaphore:
    """Limit the slow hashes that one process computes at a time, so that wrong passwords cannot use up the CPU."""
    return threading.BoundedSemaphore(settings.OCPP_PASSWORD_CHECKS)


def _verify_clear(given: bytes, stored: bytes) -> bool:
    """Compare two passwords, each as it is and as the bytes that it encodes as hex text."""
    if hmac.compare_digest(given, stored):
        return True
    readings = ((_decode_hex(given), stored), (given, _decode_hex(stored)), (_decode_hex(given), _decode_hex(stored)))
    return any(
        mine is not None and theirs is not None and hmac.compare_digest(mine, theirs) for mine, theirs in readings
    )


def _decode_hex(text: bytes) -> bytes | None:
    """Return the bytes that hex text of 8 to 40 bytes encodes, or None if it is not such a text."""
    if len(text) % 2 or not re.fullmatch(rb"[0-9A-Fa-f]{16,80}", text):
        return None
    return bytes.fromhex(text.decode())


def _canonical_hex(secret: bytes) -> str:
    """Return the same text for hex text and for the bytes it encodes: hashes can be compared in one form only."""
    while (meant := _decode_hex(secret)) is not None:
        secret = meant
    return secret.hex()


def record_password_strength(*, station_id: int, given: bytes, stored: StoredPassword) -> None:
    """Record whether a station's password is weak, if that is unknown: the station has just sent it."""
    rows = ChargingStation.objects.filter(pk=station_id, has_weak_password=None, password_hash=stored.password_hash)
    rows.update(has_weak_password=is_weak(given))


def sign_in_station(
    *, station_id: int, given: bytes, stored: StoredPassword, next_stored: StoredPassword, message_id: str
) -> bool | None:
    """Return whether a password matches what the caller read of the station.

    If the station was sent a new password and it is unknown whether it accepted it, this sign-in settles that: the
    password used is the only one from now on. The exception is a password that the station uses after its next reboot:
    it stays valid when the station signs in with the old one before.

    Args:
        stored: the current password.
        next_stored: the next password, if the station was sent one.
        message_id: of the message that sent it; empty if there is none.

    Returns:
        None if the question was settled since the caller read the station: read it again.
    """
    if verify_password(given, stored):
        is_new = False
    elif message_id and verify_password(given, next_stored):
        is_new = True
    else:
        return False
    if not message_id or (message_id == AFTER_REBOOT and not is_new):
        return True
    return settle_password(station_id=station_id, message_id=message_id, is_taken=is_new) or None


# --- setting it manually -------------------------------------------------------------------------------------------


def password_columns(secret: bytes, team: Team | None) -> dict[str, Any]:
    """Return the columns of a station whose password is set manually; an unsettled next password is dropped."""
    return {**_to_store(secret, team)._asdict(), "has_weak_password": is_weak(secret), **NO_NEXT_PASSWORD}


def _to_store(secret: bytes, team: Team | None) -> StoredPassword:
    """Return a password as it is stored for a station of this team."""
    if team is not None and team.station_passwords == StationPasswords.SHOW_ONCE:
        return StoredPassword(None, _hasher.encode(_canonical_hex(secret), _hasher.salt()))
    return StoredPassword(secret, "")


@transaction.atomic
def set_password(*, station: ChargingStation, password: str | bytes, actor: User | None = None) -> None:
    """Store a password that a person sets on the station itself, not by OCPP.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: the password is not valid, or the station was handed over.
    """
    if actor is not None and not actor.access.may(Can.SET_PASSWORDS, station):
        raise NotAllowed(_("You may not set the password of this station."))
    columns = password_columns(check_password(password), station.team)
    if not ChargingStation.objects.filter(pk=station.pk, handed_over_at=None).update(**columns):
        raise DomainError(_("This station was handed over to another team and can no longer connect here."))
    record_password_change(station, actor)
    tell_pages({station.team_id: [station.pk]})
    logger.info("station password set", extra={"station": station.identity})


@transaction.atomic
def reveal_password(*, station: ChargingStation, actor: User) -> str:
    """Return the current password as text, or as hex if it is not text. Viewing is recorded in the audit log.

    Raises:
        NotAllowed: the actor may not set the password either.
        DomainError: only its hash is stored, or there is none.
    """
    if not actor.access.may(Can.SET_PASSWORDS, station):
        raise NotAllowed(_("You may not see the password of this station."))
    stored = ChargingStation.objects.values_list("password", "password_hash").get(pk=station.pk)
    if stored[0] is None:
        only_hash = _("Only a hash of the password is stored. Set a new password instead.")
        raise DomainError(only_hash if stored[1] else _("The station has no password yet."))
    changes = {"password": [HIDDEN, HIDDEN]}
    record_entry(station, actor=actor, team_id=station.team_id, changes=changes, action=Action.ACCESS)
    logger.info("station password shown", extra={"station": station.identity, "user_id": actor.pk})
    secret = bytes(stored[0])
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return secret.hex()
    return text if text.isprintable() else secret.hex()


def record_password_change(station: ChargingStation, actor: User | None) -> None:
    """Record in the audit log that the password was set, without the password."""
    changes = {"password": [HIDDEN, HIDDEN]}
    record_entry(station, actor=actor, team_id=station.team_id, changes=changes, action=Action.UPDATE)


# --- changing it by OCPP -------------------------------------------------------------------------------------------


def offer_password(*, station: ChargingStation, password: str | bytes, message_id: str) -> None:
    """Store the new password that is about to be sent: from now on the station may sign in with it or with the old one.

    Args:
        station: locked by the caller.
        message_id: of the message that sends it; the answer to that message settles which password is valid.

    Raises:
        DomainError: the password is not valid, or an earlier one is not settled yet. A third password would have to
            replace one that the station may be using.
    """
    secret = check_password(password)
    if station.is_password_open and station.team_id is not None:  # stations in the pool need no password
        raise DomainError(
            _(
                "Another password was sent to the station and is not confirmed yet. Send the next one after the "
                "station has reconnected."
            )
        )
    stored = _to_store(secret, station.team)
    ChargingStation.objects.filter(pk=station.pk).update(
        next_password=stored.password,
        next_password_hash=stored.password_hash,
        next_has_weak_password=is_weak(secret),
        next_password_message_id=message_id,
    )


def settle_password(*, station_id: int, message_id: str, is_taken: bool) -> bool:
    """Record whether a station accepted the password it was sent: the other password is rejected from now on.

    Returns:
        False if this message sent no password, or the matter is settled. Manual changes, answers and sign-ins may
        happen at the same time, and the first one decides.
    """
    if not message_id:
        return False
    rows = ChargingStation.objects.filter(pk=station_id, next_password_message_id=message_id)
    columns = ("password", "password_hash", "has_weak_password")
    taken = {name: F(f"next_{name}") for name in columns} if is_taken else {}
    is_settled = bool(rows.update(**taken, **NO_NEXT_PASSWORD))
    if is_settled:
        team_id = ChargingStation.objects.values_list("team_id", flat=True).get(pk=station_id)
        tell_pages({team_id: [station_id]})
        logger.info("station password settled", extra={"station_id": station_id, "is_taken": is_taken})
    return is_settled


def await_reboot(*, station_id: int, message_id: str) -> None:
    """Record that a station accepted a password and uses it after its next reboot: until then both are valid."""
    if message_id:
        rows = ChargingStation.objects.filter(pk=station_id, next_password_message_id=message_id)
        rows.update(next_password_message_id=AFTER_REBOOT)


def record_password_strengths() -> int:
    """Record for stored passwords that can be read whether they are weak, if that is unknown. Returns their number."""
    rows = ChargingStation.objects.filter(has_weak_password=None, password__isnull=False)
    found = list(rows.order_by("pk").values_list("pk", "password")[:HASH_BATCH_SIZE])
    for weak in (True, False):
        keys = [pk for pk, secret in found if is_weak(bytes(secret)) is weak]
        rows.filter(pk__in=keys).update(has_weak_password=weak)
    return len(found)


# --- hashes --------------------------------------------------------------------------------------------------------


def hash_passwords() -> int:
    """Hash the passwords that are still encrypted in teams that store hashes only. Returns the number of stations."""
    record_password_strengths()  # afterwards they cannot be read
    rows = ChargingStation.objects.filter(team__station_passwords=StationPasswords.SHOW_ONCE).filter(
        Q(password__isnull=False) | Q(next_password__isnull=False)
    )
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:HASH_BATCH_SIZE])
    for pk in keys:
        with transaction.atomic():
            station = rows.select_related("team").select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
            if station is None:
                continue
            changed: dict[str, Any] = {}
            if station.password is not None:
                changed |= _to_store(station.password, station.team)._asdict()
            if station.next_password is not None:
                stored = _to_store(station.next_password, station.team)
                changed |= {"next_password": stored.password, "next_password_hash": stored.password_hash}
            ChargingStation.objects.filter(pk=pk).update(**changed)
    return len(keys)
