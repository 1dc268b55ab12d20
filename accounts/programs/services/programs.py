"""Programs of a team: making them, their secrets, and how they log in to the API."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from auditlog.context import disable_auditlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework_api_key.crypto import KeyGenerator

from accounts.access.features import feature_off_message
from accounts.access.rights import ApiScope, Can, Role
from accounts.mails.models import AccountMail
from accounts.mails.services.mails import write_mail
from accounts.people.models import Membership, User
from accounts.programs.models import AccessToken, Program, ProgramKey
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed, refuse

logger = logging.getLogger(__name__)
BEGINNING = "cpms_"  # so that a secret which lies about is recognised as ours
TOKEN_BEGINNING = "cpms_at_"  # noqa: S105 - that of an OAuth 2 access token
KEY = re.compile(rf"{BEGINNING}([A-Za-z0-9]{{8}}\.[A-Za-z0-9]{{32}})")
TOKEN = re.compile(rf"{TOKEN_BEGINNING}[A-Za-z0-9_-]{{43}}")
OVERLAPS = (0, 1, 24, 72)  # hours
WARNED_DAYS = (14, 1)  # before a key ends
MAX_PROGRAMS = 100
MAX_NAME_LENGTH = 80
NOTE_USE_EVERY = timedelta(minutes=1)  # a busy program must not write a row with every request
_generator = KeyGenerator()


# --- making and changing them -------------------------------------------------------------------------------------


@transaction.atomic
def add_program(
    *,
    team: Team,
    name: str,
    scopes: Collection[str],
    actor: User | None,
    expires_at: datetime | None = None,
    way: str = Program.Way.KEY,
) -> tuple[Program, str]:
    """A new program of a team, with its first secret.

    Args:
        scopes: words of `ApiScope`; it may do nothing else.
        expires_at: when the secret ends; None: only when it is revoked.
        way: whether the secret opens the API itself, or is traded for access tokens (OAuth 2).

    Returns:
        The program, and its secret in the clear: the only time it can be seen.

    Raises:
        NotAllowed: the person is no administrator of the team.
        DomainError: a value is wrong (`fields` names which), or the team goes without the API.
    """
    _demand_team(actor, team)
    if not team.has_feature("api"):
        raise DomainError(feature_off_message("api"))
    team = Team.objects.select_for_update().get(pk=team.pk)
    if Program.objects.filter(team=team, revoked_at__isnull=True).count() >= MAX_PROGRAMS:
        raise DomainError(_("The team has %(most)d programs already: revoke one first.") % {"most": MAX_PROGRAMS})
    if way not in Program.Way.values:
        refuse("way", _("This is no choice."))
    name, wanted = _checked_name(name), _checked_scopes(scopes)
    client_id = secrets.token_hex(16)
    user = User(email=f"program-{client_id}@programs.invalid", first_name=name, is_program=True)
    user.set_unusable_password()
    with disable_auditlog():  # the entry about the program says it
        user.save()
    program = Program.objects.create(
        team=team, user=user, name=name, way=way, client_id=client_id, scopes=wanted, created_by=actor
    )
    _key, secret = _new_key(program, expires_at)
    logger.info("program added", extra={"team": team.handle, "program": program.pk})
    return program, secret


@transaction.atomic
def edit_program(*, program: Program, name: str, scopes: Collection[str], actor: User | None) -> Program:
    """Another name or other scopes; they count from the next request on, also for access tokens.

    Raises:
        NotAllowed: the person is no administrator of the team.
        DomainError: a value is wrong (`fields` names which), or the program is revoked.
    """
    program = _lock(program, actor)
    program.name, program.scopes = _checked_name(name), _checked_scopes(scopes)
    program.save(update_fields=["name", "scopes"])
    User.everybody.filter(pk=program.user_id).update(first_name=program.name)
    logger.info("program changed", extra={"program": program.pk})
    return program


@transaction.atomic
def rotate_key(
    *, program: Program, overlap_hours: int, actor: User | None, expires_at: datetime | None = None
) -> tuple[ProgramKey, str]:
    """A new secret; the ones before it end after the overlap at the latest.

    Args:
        overlap_hours: one of OVERLAPS; with 0 they end at once, and with them access tokens.
        expires_at: when the new one ends.

    Returns:
        The new key, and it in the clear: the only time it can be seen.

    Raises:
        NotAllowed: the person is no administrator of the team.
        DomainError: a value is wrong, or the program is revoked.
    """
    program = _lock(program, actor)
    if overlap_hours not in OVERLAPS:
        refuse("overlap_hours", _("This is no choice."))
    now = timezone.now()
    until = now + timedelta(hours=overlap_hours)
    for key in program.keys.valid(now):
        if not overlap_hours:
            key.revoked_at = now
        elif key.expires_at is None or key.expires_at > until:
            key.expires_at = until
        key.save(update_fields=["revoked_at", "expires_at"])
    if not overlap_hours:
        program.access_tokens.all().delete()
    made = _new_key(program, expires_at)
    logger.info("key of a program rotated", extra={"program": program.pk, "key": made[0].prefix})
    return made


@transaction.atomic
def revoke_program(*, program: Program, actor: User | None) -> None:
    """End a program, its keys and its access tokens at once; it stays listed. A second time changes nothing.

    Raises:
        NotAllowed: the person is no administrator of the team.
    """
    _demand_team(actor, program.team)
    program = Program.objects.select_for_update(of=("self",)).select_related("team").get(pk=program.pk)
    if program.revoked_at is not None:
        return
    now = timezone.now()
    for key in program.keys.filter(revoked_at__isnull=True):  # one by one: the audit trail names each
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
    program.access_tokens.all().delete()
    program.revoked_at = now
    program.save(update_fields=["revoked_at"])
    User.everybody.filter(pk=program.user_id).update(is_active=False)
    logger.info("program revoked", extra={"program": program.pk})


def _lock(program: Program, actor: User | None) -> Program:
    _demand_team(actor, program.team)
    locked: Program = Program.objects.select_for_update(of=("self",)).select_related("team").get(pk=program.pk)
    if locked.revoked_at is not None:
        raise DomainError(_("This program is revoked. Add another one instead."))
    return locked


def _new_key(program: Program, expires_at: datetime | None) -> tuple[ProgramKey, str]:
    if expires_at is not None and expires_at <= timezone.now():
        refuse("expires_at", _("This time is past."))
    bare, prefix, hashed = _generator.generate()
    key = ProgramKey.objects.create(program=program, prefix=prefix, hash=hashed, expires_at=expires_at)
    return key, f"{BEGINNING}{bare}"


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        refuse("name", _("A name has 1 to %(most)d printable characters.") % {"most": MAX_NAME_LENGTH})
    return name


def _checked_scopes(scopes: Collection[str]) -> list[str]:
    if not scopes or not set(scopes) <= set(ApiScope.values):
        refuse("scopes", _("Choose at least one of: %(scopes)s.") % {"scopes": ", ".join(ApiScope.values)})
    return [scope for scope in ApiScope.values if scope in scopes]


def _demand_team(actor: User | None, team: Team) -> None:
    if actor is not None and not actor.access.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team may manage its programs."))


# --- logging in ---------------------------------------------------------------------------------------------------


def program_with_key(secret: str, way: str = Program.Way.KEY) -> tuple[User, ProgramKey] | None:
    """Who holds a secret, ready to be asked what he may do; None when it does not count or is for another way."""
    found = KEY.fullmatch(secret)
    if found is None:
        return None
    bare = found[1]
    keys = ProgramKey.objects.select_related("program__user", "program__team")
    key = keys.filter(prefix=bare.partition(".")[0], program__way=way, program__revoked_at__isnull=True).first()
    if key is None or not _generator.verify(bare, key.hash) or not key.is_valid:
        return None
    _note_use(key.program, key)
    return key.program.user, key


def program_with_token(secret: str) -> tuple[User, AccessToken] | None:
    """The same for an OAuth 2 access token."""
    if not TOKEN.fullmatch(secret):
        return None
    tokens = AccessToken.objects.select_related("program__user", "program__team")
    token = tokens.filter(hash=_hash(secret), program__revoked_at__isnull=True, expires_at__gt=timezone.now()).first()
    if token is None:
        return None
    _note_use(token.program)
    user: User = token.program.user
    user.access.scopes = token.scopes
    return user, token


def issue_access_token(*, program: Program, secret: str, scopes: Sequence[str], seconds: int) -> AccessToken:
    """Keep the hash of a token that an OAuth 2 client gets now."""
    expires_at = timezone.now() + timedelta(seconds=seconds)
    token: AccessToken = AccessToken.objects.create(
        program=program, hash=_hash(secret), scopes=list(scopes), expires_at=expires_at
    )
    logger.info("access token issued", extra={"program": program.pk})
    return token


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _note_use(program: Program, key: ProgramKey | None = None) -> None:
    now = timezone.now()
    for row in (program, key):
        if row is not None and (row.last_used_at is None or now - row.last_used_at > NOTE_USE_EVERY):
            type(row).objects.filter(pk=row.pk).update(last_used_at=now)


# --- what must not be forgotten -----------------------------------------------------------------------------------


def check_program_keys() -> int:
    """Once an hour: tell administrators which keys end soon, forget old access tokens. Returns how many were told."""
    AccessToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return sum(_warn(days) for days in sorted(WARNED_DAYS))  # the nearest first: who is told of it needs no other


@transaction.atomic
def _warn(days: int) -> int:
    now = timezone.now()
    soon = ProgramKey.objects.valid(now).filter(expires_at__lte=now + timedelta(days=days))
    soon = soon.exclude(warned_days__lte=days).select_for_update(of=("self",)).select_related("program")
    count = 0
    for key in soon.order_by("pk"):
        ProgramKey.objects.filter(pk=key.pk).update(warned_days=days)
        if key.program.keys.filter(pk__gt=key.pk).exists():  # it is being replaced
            continue
        admins = Membership.objects.filter(team=key.program.team_id, role=Role.ADMIN, user__is_active=True)
        for membership in admins.select_related("user").order_by("pk"):
            write_mail(
                AccountMail.Kind.EXPIRY,
                email=membership.user.email,
                user=membership.user,
                key=key,
                team_id=key.program.team_id,
            )
            count += 1
    return count
