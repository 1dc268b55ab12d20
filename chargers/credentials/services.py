"""Passwords of stations: how they are stored, checked and replaced."""

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
RANDOM_BYTES = 20  # the most that OCPP 1.6 lets a station keep: 40 characters of hex text
STRONG_CHARACTERS = 16  # a shorter one can be guessed by somebody who is patient
CLOSED: dict[str, Any] = {
    "next_password": None,
    "next_password_hash": "",
    "next_has_weak_password": None,
    "next_password_message_id": "",
}
AFTER_REBOOT = "after reboot"  # instead of a message id: taken, but in use only once the station has rebooted
PASSWORD_FIELDS = ("password", "password_hash", "has_weak_password", *CLOSED)
HASHED_AT_ONCE = 500


class StoredPassword(NamedTuple):
    """A password as a row keeps it: encrypted or, where the team wants that, as a hash. One of the two at most."""

    password: bytes | None
    password_hash: str


class StationPasswordHasher(ScryptPasswordHasher):
    """About 20 ms and 8 MiB for each: a station hardly ever has a password that somebody thought of, and a thousand
    that come back to a process just started must be let in within seconds.

    Scrypt lets other threads work meanwhile, and what verified once is remembered, see `_Verified`.
    """

    work_factor = 2**13
    parallelism = 1


_hasher = StationPasswordHasher()


class _Verified:
    """What fitted a hash since this process started, as a quick keyed digest whose key never leaves the process: a
    fleet that comes back again and again costs the slow hash once per station."""

    MOST = 100_000

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
            if len(self._digests) > self.MOST:
                self._digests.popitem(last=False)

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")


_verified = _Verified()


def generate_password() -> str:
    """Hex text of random bytes: what AuthorizationKey holds in OCPP 1.6 (security whitepaper, errata 2023-12)."""
    return secrets.token_hex(RANDOM_BYTES)


def check_password(password: str | bytes) -> bytes:
    """The bytes a station proves itself with; text is meant as UTF-8.

    Raises:
        DomainError: it is empty, too long, or text with a character that cannot be printed.
    """
    sentence = ""
    secret = b""
    if isinstance(password, str) and not password.isprintable():
        sentence = _("A password that is given as text has printable characters only.")
    else:
        secret = password.encode() if isinstance(password, str) else bytes(password)
        if not 1 <= len(secret) <= MAX_PASSWORD_LENGTH:
            sentence = _("A station's password has 1 to %(most)d bytes.") % {"most": MAX_PASSWORD_LENGTH}
    if sentence:
        raise DomainError(sentence, fields={"password": sentence})
    return secret


def is_weak(secret: bytes) -> bool:
    """Whether a password is so short that guessing it must be stopped by a hard limit.

    Bytes that are no text count as the hex text they are set as.
    """
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        text = secret.hex()
    return len(text if text.isprintable() else secret.hex()) < STRONG_CHARACTERS


# --- who fits ------------------------------------------------------------------------------------------------------


def fits(given: bytes, kept: StoredPassword) -> bool:
    """Whether a password matches the stored one. Hex text and the bytes that it encodes are the same password."""
    if kept.password is not None:
        return _fits_clear(given, kept.password)
    if not kept.password_hash:
        return False
    text = _one_form(given)
    if _verified.knows(text, kept.password_hash):
        return True
    with _slots():
        is_right = _hasher.verify(text, kept.password_hash)
    if is_right:
        _verified.remember(text, kept.password_hash)
    return is_right


def is_quick(given: bytes, *kept: StoredPassword) -> bool:
    """Whether it can be told without a slow hash if a password is one of those that are kept."""
    text = _one_form(given)
    return any(each.password_hash and _verified.knows(text, each.password_hash) for each in kept) or not any(
        each.password_hash for each in kept
    )


@cache
def _slots() -> threading.BoundedSemaphore:
    """Slow hashes that one process works out at the same time, so that wrong passwords cannot take all of the CPU."""
    return threading.BoundedSemaphore(settings.OCPP_PASSWORD_CHECKS)


def _fits_clear(given: bytes, stored: bytes) -> bool:
    if hmac.compare_digest(given, stored):
        return True
    readings = ((_unhex(given), stored), (given, _unhex(stored)), (_unhex(given), _unhex(stored)))
    return any(
        mine is not None and theirs is not None and hmac.compare_digest(mine, theirs) for mine, theirs in readings
    )


def _unhex(text: bytes) -> bytes | None:
    if len(text) % 2 or not re.fullmatch(rb"[0-9A-Fa-f]{16,80}", text):
        return None
    return bytes.fromhex(text.decode())


def _one_form(secret: bytes) -> str:
    """The same text for hex text and for the bytes it stands for: a hash can be compared in one form only."""
    while (meant := _unhex(secret)) is not None:
        secret = meant
    return secret.hex()


def note_strength(*, station_id: int, given: bytes, kept: StoredPassword) -> None:
    """Note whether a password is weak, where that is not known: the station has just shown it."""
    rows = ChargingStation.objects.filter(pk=station_id, has_weak_password=None, password_hash=kept.password_hash)
    rows.update(has_weak_password=is_weak(given))


def log_in(
    *, station_id: int, given: bytes, kept: StoredPassword, next_kept: StoredPassword, message_id: str
) -> bool | None:
    """Whether a password fits what the caller read of the station.

    Where it was told a new password and never said whether it took it, the first login tells: what it logged in with
    is its password from then on, the other one is dead. One that it will use after its next reboot is not dead because
    it comes back without one.

    Returns:
        None when the question was settled since the caller read: read again.
    """
    if fits(given, kept):
        is_new = False
    elif message_id and fits(given, next_kept):
        is_new = True
    else:
        return False
    if not message_id or (message_id == AFTER_REBOOT and not is_new):
        return True
    return settle_password(station_id=station_id, message_id=message_id, is_taken=is_new) or None


# --- by hand -------------------------------------------------------------------------------------------------------


def password_facts(secret: bytes, team: Team | None) -> dict[str, Any]:
    """The columns of a station whose password somebody set: what it was told before counts no more."""
    return {**_kept(secret, team)._asdict(), "has_weak_password": is_weak(secret), **CLOSED}


def _kept(secret: bytes, team: Team | None) -> StoredPassword:
    if team is not None and team.station_passwords == StationPasswords.SHOW_ONCE:
        return StoredPassword(None, _hasher.encode(_one_form(secret), _hasher.salt()))
    return StoredPassword(secret, "")


@transaction.atomic
def set_password(*, station: ChargingStation, password: str | bytes, actor: User | None = None) -> None:
    """Keep the password that somebody sets at the station by other means than OCPP.

    Raises:
        NotAllowed: the person is no administrator of the team.
        DomainError: it cannot be one, or the station was handed over.
    """
    if actor is not None and not actor.access.may(Can.SET_PASSWORDS, station):
        raise NotAllowed(_("You may not set the password of this station."))
    facts = password_facts(check_password(password), station.team)
    if not ChargingStation.objects.filter(pk=station.pk, handed_over_at=None).update(**facts):
        raise DomainError(_("This station was handed over to another team: nothing connects as this one any more."))
    note_password(station, actor)
    tell_pages({station.team_id: [station.pk]})
    logger.info("station password set", extra={"station": station.identity})


@transaction.atomic
def reveal_password(*, station: ChargingStation, actor: User) -> str:
    """Return the current password as text, or as hex where it is not text. The audit log records who looked.

    Raises:
        NotAllowed: the person may not set it either.
        DomainError: only its hash is kept, or there is none.
    """
    if not actor.access.may(Can.SET_PASSWORDS, station):
        raise NotAllowed(_("You may not see the password of this station."))
    kept = ChargingStation.objects.values_list("password", "password_hash").get(pk=station.pk)
    if kept[0] is None:
        only_hash = _("Only a hash of the password is kept: set a new one to know it.")
        raise DomainError(only_hash if kept[1] else _("The station has no password yet."))
    changes = {"password": [HIDDEN, HIDDEN]}
    record_entry(station, actor=actor, team_id=station.team_id, changes=changes, action=Action.ACCESS)
    logger.info("station password shown", extra={"station": station.identity, "user_id": actor.pk})
    secret = bytes(kept[0])
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return secret.hex()
    return text if text.isprintable() else secret.hex()


def note_password(station: ChargingStation, actor: User | None) -> None:
    """The audit trail says that it was set, not what it is."""
    changes = {"password": [HIDDEN, HIDDEN]}
    record_entry(station, actor=actor, team_id=station.team_id, changes=changes, action=Action.UPDATE)


# --- changing it over OCPP -----------------------------------------------------------------------------------------


def offer_password(*, station: ChargingStation, password: str | bytes, message_id: str) -> None:
    """A new password is about to be sent: from now on the station may log in with it or with the old one.

    Args:
        station: locked by the caller.
        message_id: of the message that tells it; the answer to that message settles the matter.

    Raises:
        DomainError: it cannot be one, or nobody knows yet what became of an earlier one. A third one would have to
            take the place of one that the station may be using.
    """
    secret = check_password(password)
    if station.is_password_open and station.team_id is not None:  # in the pool nobody is asked for a password
        raise DomainError(
            _(
                "The station was told another password and has not said yet whether it took it. It can be told the "
                "next one when it has connected again."
            )
        )
    kept = _kept(secret, station.team)
    ChargingStation.objects.filter(pk=station.pk).update(
        next_password=kept.password,
        next_password_hash=kept.password_hash,
        next_has_weak_password=is_weak(secret),
        next_password_message_id=message_id,
    )


def settle_password(*, station_id: int, message_id: str, is_taken: bool) -> bool:
    """It is known whether a station took the password it was told: the other one is dead from now on.

    False when it was not told one with this message, or the matter is settled: who sets a password by hand, answers
    and logins may all be on their way, and the first one counts.
    """
    if not message_id:
        return False
    rows = ChargingStation.objects.filter(pk=station_id, next_password_message_id=message_id)
    columns = ("password", "password_hash", "has_weak_password")
    taken = {name: F(f"next_{name}") for name in columns} if is_taken else {}
    is_settled = bool(rows.update(**taken, **CLOSED))
    if is_settled:
        team_id = ChargingStation.objects.values_list("team_id", flat=True).get(pk=station_id)
        tell_pages({team_id: [station_id]})
        logger.info("station password settled", extra={"station_id": station_id, "is_taken": is_taken})
    return is_settled


def await_reboot(*, station_id: int, message_id: str) -> None:
    """A station took the password of this message, and uses it after its next reboot: until then both count."""
    if message_id:
        rows = ChargingStation.objects.filter(pk=station_id, next_password_message_id=message_id)
        rows.update(next_password_message_id=AFTER_REBOOT)


def note_strengths() -> int:
    """Note of passwords that can be read whether they are weak, where that is not known. Returns of how many."""
    rows = ChargingStation.objects.filter(has_weak_password=None, password__isnull=False)
    found = list(rows.order_by("pk").values_list("pk", "password")[:HASHED_AT_ONCE])
    for weak in (True, False):
        keys = [pk for pk, secret in found if is_weak(bytes(secret)) is weak]
        rows.filter(pk__in=keys).update(has_weak_password=weak)
    return len(found)


# --- hashes --------------------------------------------------------------------------------------------------------


def hash_passwords() -> int:
    """Where a team chose to keep hashes only, what is still encrypted becomes one. Returns how many stations."""
    note_strengths()  # before they cannot be read any more
    rows = ChargingStation.objects.filter(team__station_passwords=StationPasswords.SHOW_ONCE).filter(
        Q(password__isnull=False) | Q(next_password__isnull=False)
    )
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:HASHED_AT_ONCE])
    for pk in keys:
        with transaction.atomic():
            station = rows.select_related("team").select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
            if station is None:
                continue
            changed: dict[str, Any] = {}
            if station.password is not None:
                changed |= _kept(station.password, station.team)._asdict()
            if station.next_password is not None:
                kept = _kept(station.next_password, station.team)
                changed |= {"next_password": kept.password, "next_password_hash": kept.password_hash}
            ChargingStation.objects.filter(pk=pk).update(**changed)
    return len(keys)
