"""Applications of a team: their creation, their secrets, and their authentication at the API."""

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
from accounts.mails.services.mails import queue_mail
from accounts.people.models import Membership, User
from accounts.programs.models import AccessToken, Program, ProgramKey
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed, refuse

logger = logging.getLogger(__name__)
KEY_PREFIX = "cpms_"  # lets secret scanners recognise a leaked key as ours
ACCESS_TOKEN_PREFIX = "cpms_at_"  # noqa: S105 - prefix of OAuth 2 access tokens
KEY = re.compile(rf"{KEY_PREFIX}([A-Za-z0-9]{{8}}\.[A-Za-z0-9]{{32}})")
TOKEN = re.compile(rf"{ACCESS_TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}")
OVERLAPS = (0, 1, 24, 72)  # hours
WARN_DAYS = (14, 1)  # days before a key expires
MAX_PROGRAMS = 100
MAX_NAME_LENGTH = 80
USE_RECORD_INTERVAL = timedelta(minutes=1)  # a busy application must not cause a write with every request
_generator = KeyGenerator()


# --- creation and changes ------------------------------------------------------------------------------------------


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
    """Add an application to a team, with its first secret.

    Args:
        scopes: values of `ApiScope` that limit the application.
        expires_at: when the secret expires; None if it is valid until revoked.
        way: whether the secret is sent with each request, or exchanged for access tokens (OAuth 2).

    Returns:
        The application, and its secret in plain text, which cannot be read again.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: a value is invalid (`fields` names which), or the API feature is off for the team.
    """
    _require_team_admin(actor, team)
    if not team.has_feature("api"):
        raise DomainError(feature_off_message("api"))
    team = Team.objects.select_for_update().get(pk=team.pk)
    if Program.objects.filter(team=team, revoked_at__isnull=True).count() >= MAX_PROGRAMS:
        raise DomainError(_("The team already has %(most)d applications. Revoke one first.") % {"most": MAX_PROGRAMS})
    if way not in Program.Way.values:
        refuse("way", _("Select a valid option."))
    name, valid_scopes = _checked_name(name), _checked_scopes(scopes)
    client_id = secrets.token_hex(16)
    user = User(email=f"program-{client_id}@programs.invalid", first_name=name, is_program=True)
    user.set_unusable_password()
    with disable_auditlog():  # the entry of the application is enough
        user.save()
    program = Program.objects.create(
        team=team, user=user, name=name, way=way, client_id=client_id, scopes=valid_scopes, created_by=actor
    )
    _key, secret = _new_key(program, expires_at)
    logger.info("application added", extra={"team": team.handle, "program": program.pk})
    return program, secret


@transaction.atomic
def edit_program(*, program: Program, name: str, scopes: Collection[str], actor: User | None) -> Program:
    """Change the name and scopes of an application. They apply from the next request, also to access tokens.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: a value is invalid (`fields` names which), or the application is revoked.
    """
    program = _lock(program, actor)
    program.name, program.scopes = _checked_name(name), _checked_scopes(scopes)
    program.save(update_fields=["name", "scopes"])
    User.everybody.filter(pk=program.user_id).update(first_name=program.name)
    logger.info("application changed", extra={"program": program.pk})
    return program


@transaction.atomic
def rotate_key(
    *, program: Program, overlap_hours: int, actor: User | None, expires_at: datetime | None = None
) -> tuple[ProgramKey, str]:
    """Create a new secret. The old ones expire after the overlap at the latest.

    Args:
        overlap_hours: one of OVERLAPS; with 0 old secrets and access tokens end immediately.
        expires_at: when the new secret expires; None if it is valid until revoked.

    Returns:
        The new key, and its secret in plain text, which cannot be read again.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: a value is invalid, or the application is revoked.
    """
    program = _lock(program, actor)
    if overlap_hours not in OVERLAPS:
        refuse("overlap_hours", _("Select a valid option."))
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
    key, secret = _new_key(program, expires_at)
    logger.info("application key rotated", extra={"program": program.pk, "key": key.prefix})
    return key, secret


@transaction.atomic
def revoke_program(*, program: Program, actor: User | None) -> None:
    """Revoke an application, its keys and access tokens immediately. It stays listed; repeating it does nothing.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
    """
    _require_team_admin(actor, program.team)
    program = Program.objects.select_for_update(of=("self",)).select_related("team").get(pk=program.pk)
    if program.revoked_at is not None:
        return
    now = timezone.now()
    for key in program.keys.filter(revoked_at__isnull=True):  # one by one, so that the audit log has an entry for each
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
    program.access_tokens.all().delete()
    program.revoked_at = now
    program.save(update_fields=["revoked_at"])
    User.everybody.filter(pk=program.user_id).update(is_active=False)
    logger.info("application revoked", extra={"program": program.pk})


def _lock(program: Program, actor: User | None) -> Program:
    _require_team_admin(actor, program.team)
    locked: Program = Program.objects.select_for_update(of=("self",)).select_related("team").get(pk=program.pk)
    if locked.revoked_at is not None:
        raise DomainError(_("This application is revoked. Add a new one instead."))
    return locked


def _new_key(program: Program, expires_at: datetime | None) -> tuple[ProgramKey, str]:
    if expires_at is not None and expires_at <= timezone.now():
        refuse("expires_at", _("Choose a time in the future."))
    unprefixed, prefix, hashed = _generator.generate()
    key = ProgramKey.objects.create(program=program, prefix=prefix, hash=hashed, expires_at=expires_at)
    return key, f"{KEY_PREFIX}{unprefixed}"


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        refuse("name", _("A name has 1 to %(most)d printable characters.") % {"most": MAX_NAME_LENGTH})
    return name


def _checked_scopes(scopes: Collection[str]) -> list[str]:
    if not scopes or not set(scopes) <= set(ApiScope.values):
        refuse("scopes", _("Choose at least one of: %(scopes)s.") % {"scopes": ", ".join(ApiScope.values)})
    return [scope for scope in ApiScope.values if scope in scopes]


def _require_team_admin(actor: User | None, team: Team) -> None:
    if actor is not None and not actor.access.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team can manage its applications."))


# --- authentication ------------------------------------------------------------------------------------------------


def program_with_key(secret: str, way: str = Program.Way.KEY) -> tuple[User, ProgramKey] | None:
    """Return the user of the application with this secret and its key; None if it is not valid or for another way."""
    match = KEY.fullmatch(secret)
    if match is None:
        return None
    unprefixed = match[1]
    keys = ProgramKey.objects.select_related("program__user", "program__team")
    key = keys.filter(prefix=unprefixed.partition(".")[0], program__way=way, program__revoked_at__isnull=True).first()
    if key is None or not _generator.verify(unprefixed, key.hash) or not key.is_valid:
        return None
    _record_use(key.program, key)
    return key.program.user, key


def program_with_token(secret: str) -> tuple[User, AccessToken] | None:
    """Return the user of the application with this OAuth 2 access token and the token; None if it is not valid."""
    if not TOKEN.fullmatch(secret):
        return None
    tokens = AccessToken.objects.select_related("program__user", "program__team")
    token = tokens.filter(hash=_hash(secret), program__revoked_at__isnull=True, expires_at__gt=timezone.now()).first()
    if token is None:
        return None
    _record_use(token.program)
    user: User = token.program.user
    user.access.scopes = token.scopes
    return user, token


def issue_access_token(*, program: Program, secret: str, scopes: Sequence[str], seconds: int) -> AccessToken:
    """Store the hash of a new access token of an OAuth 2 client."""
    expires_at = timezone.now() + timedelta(seconds=seconds)
    token: AccessToken = AccessToken.objects.create(
        program=program, hash=_hash(secret), scopes=list(scopes), expires_at=expires_at
    )
    logger.info("access token issued", extra={"program": program.pk})
    return token


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _record_use(program: Program, key: ProgramKey | None = None) -> None:
    now = timezone.now()
    for row in (program, key):
        if row is not None and (row.last_used_at is None or now - row.last_used_at > USE_RECORD_INTERVAL):
            type(row).objects.filter(pk=row.pk).update(last_used_at=now)


# --- periodic work -------------------------------------------------------------------------------------------------


def check_program_keys() -> int:
    """Warn administrators of keys that expire soon, and delete expired access tokens. Return the number of warnings.

    Runs once an hour.
    """
    AccessToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return sum(_warn(days) for days in sorted(WARN_DAYS))  # shortest first, so that a key gets one warning only


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
            queue_mail(
                AccountMail.Kind.EXPIRY,
                email=membership.user.email,
                user=membership.user,
                key=key,
                team_id=key.program.team_id,
            )
            count += 1
    return count
