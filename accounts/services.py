"""Changes to teams, people and their keys, and how attempts are counted."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Collection
from datetime import datetime
from typing import cast

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_slug
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import AccessToken, ApiToken, FormerHandle, Membership, Team, User
from accounts.rights import ApiScope, Role
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.text.dates import is_sensible
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
ATTEMPT_WINDOW_SECONDS = 60
LONGEST_PASSWORD = 1000  # hashing a longer one is work that a stranger could make us do
LONGEST_TOKEN_NAME = 50


class TooManyAttempts(DomainError):
    """Somebody tries passwords too quickly (429)."""

    retry_after_seconds: int = ATTEMPT_WINDOW_SECONDS


@transaction.atomic
def add_team(*, handle: str, name: str = "") -> tuple[Team, bool]:
    """The team with this handle, made when there is none; a name that is given is the one it then has.

    Returns:
        The team, and whether it is new.

    Raises:
        DomainError: the handle is no word of letters, digits, hyphens and underscores.
    """
    try:
        validate_slug(handle)
    except ValidationError:
        refuse("handle", _("A handle has letters, digits, hyphens and underscores only."))
    if len(handle) > 60:
        refuse("handle", _("A handle has at most 60 characters."))
    if len(name) > 120:
        refuse("name", _("A name has at most 120 characters."))
    check_lines(name=name)
    if FormerHandle.objects.filter(handle=handle).exists():
        refuse("handle", _("This handle is taken."))
    team, is_new = Team.objects.get_or_create(handle=handle, defaults={"name": name or handle})
    if name and team.name != name:
        team.name = name
        team.save(update_fields=["name"])
    return team, is_new


def find_team(handle: str) -> Team:
    """The team with this handle.

    Raises:
        DomainError: there is none.
    """
    team = Team.objects.filter(handle=handle).first() or Team.objects.filter(former_handles__handle=handle).first()
    if team is None:
        refuse("team", _("There is no team “%(handle)s”.") % {"handle": handle})
    return team


def find_person(email: str) -> User:
    """The person with this address, in any case.

    Raises:
        DomainError: there is none.
    """
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        refuse("email", _("There is no person with the address “%(email)s”.") % {"email": email})
    return user


@transaction.atomic
def add_user(
    *, email: str, password: str, team: Team | None, role: str = Role.VIEWER, is_staff: bool = False
) -> tuple[User, bool]:
    """The person with this address in this team, made when there is none; password and role are then the given ones.

    What support staff may do is only ever given here, not taken: a second call for another team leaves it.

    Returns:
        The person, and whether he or she is new.

    Raises:
        DomainError: the address or the role is none, or there is no password.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        refuse("email", _("This is no e-mail address."))
    if role not in Role.values:
        refuse("role", _("The role must be one of: %(roles)s.") % {"roles": ", ".join(Role.values)})
    if not 0 < len(password) <= LONGEST_PASSWORD:
        refuse("password", _("A password has 1 to %(most)d characters.") % {"most": LONGEST_PASSWORD})
    user = User.objects.select_for_update().filter(email__iexact=email).first()
    is_new = user is None
    if user is None:
        user = User.objects.create_user(email, password, is_staff=is_staff)
    else:
        if not user.check_password(password):  # setting the same again would log the person out everywhere
            user.set_password(password)
        user.is_staff = user.is_staff or is_staff
        user.save(update_fields=["password", "is_staff"])
    if team is not None:
        Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
    return user, is_new


@transaction.atomic
def issue_api_token(
    *, user: User, name: str, expires_at: datetime | None = None, scopes: Collection[str] = ()
) -> tuple[ApiToken, str]:
    """A new key with which a program acts as this person.

    Args:
        expires_at: when it ends; None: only when it is revoked.
        scopes: words of `ApiScope`, to which it is limited; none: it may do all that the person may.

    Returns:
        The token, and its key in the clear: the only time it can be seen.

    Raises:
        DomainError: the person may not log in, the expiry is past, or a scope is none (`fields` names which).
    """
    if not user.is_active:
        raise DomainError(_("This person may not log in."))
    if expires_at is not None and expires_at <= timezone.now():
        refuse("expires_at", _("This time is past."))
    if expires_at is not None and not is_sensible(expires_at):
        refuse("expires_at", _("This time is too far away; leave it out for no end."))
    if not set(scopes) <= set(ApiScope.values):
        refuse("scopes", _("Choose among: %(scopes)s.") % {"scopes": ", ".join(ApiScope.values)})
    check_lines(name=name)
    token, key = ApiToken.objects.create_key(
        user=user,
        name=name.strip()[:LONGEST_TOKEN_NAME] or _("API token"),
        expiry_date=expires_at,
        scopes=[scope for scope in ApiScope.values if scope in scopes],
    )
    logger.info("API token issued", extra={"user": user.pk, "token": token.prefix})
    return cast(ApiToken, token), key


@transaction.atomic
def revoke_api_token(*, token: ApiToken, actor: User) -> None:
    """End a token at once; it stays listed as revoked.

    Raises:
        NotAllowed: it is somebody else's.
    """
    if token.user_id != actor.pk and not actor.is_staff:
        raise NotAllowed(_("This token belongs to somebody else."))
    token.revoked = True
    token.save(update_fields=["revoked"])
    logger.info("API token revoked", extra={"user": actor.pk, "token": token.prefix})


@transaction.atomic
def revoke_tokens_of(user: User) -> int:
    """End a person's API tokens, and the access tokens of programs that this person added.

    A program itself is its team's and goes on: its client gets another access token with its secret.

    Returns:
        How many API tokens ended.
    """
    tokens = list(ApiToken.objects.filter(user=user, revoked=False))
    for token in tokens:  # one by one: the audit trail names each
        revoke_api_token(token=token, actor=user)
    AccessToken.objects.filter(program__created_by=user).delete()
    return len(tokens)


def count_attempt(
    what: str, address: str, email: str, *, most: int | None = None, seconds: int = ATTEMPT_WINDOW_SECONDS
) -> str:
    """Counts before anything is checked, so that a hundred tries at once are a hundred tries. Returns its key.

    Args:
        most: how many there may be; LOGIN_ATTEMPTS_PER_MINUTE where nothing is said.
        seconds: within how long.

    Raises:
        TooManyAttempts: more of this source for this e-mail address.
    """
    name = f"{network_of(address)} {email.strip().lower()}"
    key = f"{what}-{salted_hmac(what, name, algorithm='sha256').hexdigest()}"
    try:
        cache.add(key, 0, seconds)
        count = cache.incr(key)
    except ValueError:  # it expired between the two
        return key
    except Exception as error:  # a cache that is away must not lock everybody out
        logger.warning("log-in attempts are not counted", extra={"cause": type(error).__name__})
        return key
    if count > (settings.LOGIN_ATTEMPTS_PER_MINUTE if most is None else most):
        minutes = max(1, seconds // 60)
        sentence = ngettext(
            "Too many attempts. Please wait a minute.", "Too many attempts. Please wait %(n)d minutes.", minutes
        )
        raise TooManyAttempts(sentence % {"n": minutes})
    return key


def forget_attempts(key: str) -> None:
    """Who succeeded begins anew."""
    try:
        cache.delete(key)
    except Exception as error:
        logger.warning("log-in attempts are not counted", extra={"cause": type(error).__name__})


def network_of(address: str) -> str:
    """Who has one IPv6 address has 2^64 of them."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
