"""Passwords and addresses of people: forgotten, changed, verified."""

from __future__ import annotations

import logging

from allauth.account.forms import default_token_generator
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people import services as people_services
from accounts.people import services as team_services
from accounts.people.models import User
from accounts.profile.services import address_changes
from accounts.programs.services import tokens
from accounts.sign_in.services import attempts, browsers
from cpms.common.errors import DomainError

logger = logging.getLogger(__name__)
MAX_MAILS, MAILS_SECONDS = 5, 3600  # to one address, from wherever they are asked for


@transaction.atomic
def ask_for_new_password(*, email: str, address: str, team_id: int | None = None) -> None:
    """A link by mail, if there is such a person; what this does and how long it takes does not tell.

    Args:
        team_id: on whose domain it was asked; the mail is in that team's look.

    Raises:
        TooManyAttempts: asked too often from this source for this address, or from anywhere.
    """
    attempts.count_attempt("reset", address, email)
    _count_mail("reset", email)
    mails.write_mail(AccountMail.Kind.RESET, email=email.strip().lower(), team_id=team_id)


def _count_mail(kind: str, email: str) -> None:
    """Nobody's mailbox is flooded, from however many sources the mails are asked for.

    Raises:
        TooManyAttempts: there were MOST_MAILS within the hour.
    """
    attempts.count_attempt(f"{kind}-mail", "", email, most=MAX_MAILS, seconds=MAILS_SECONDS)


def end_everything(*, user: User, but: str | None, with_tokens: bool = True) -> None:
    """After a new password: sign out, revoke the person's tokens, and say by mail what ended.

    Args:
        but: the key of the session that stays; None for none of them.
        with_tokens: whether API tokens and access tokens end too.
    """
    signed_out = browsers.sign_out_others(user=user, but=but)
    revoked = tokens.revoke_tokens_of(user) if with_tokens else 0
    mails.write_mail(AccountMail.Kind.PASSWORD, email=user.email, user=user, about=f"{signed_out} {revoked}")


@transaction.atomic
def set_password_by_link(*, user: User, key: str, password: str) -> None:
    """The link works once: the password is part of what its key is made of. All sessions and tokens of the person end.

    Raises:
        DomainError: the link was used meanwhile, or the person may not sign in.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    if not locked.is_active or not default_token_generator.check_token(locked, key):
        raise DomainError(_("This link was used already or has expired."))
    locked.set_password(password)
    locked.email_verified_at = locked.email_verified_at or timezone.now()  # who has the link reads the mails
    locked.save(update_fields=["password", "email_verified_at"])
    end_everything(user=locked, but=None)
    team_services.enrol(locked)
    logger.info("password set by link", extra={"user": user.pk})


@transaction.atomic
def change_password(
    *, user: User, old: str, new: str, address: str, session_key: str | None = None, with_tokens: bool = True
) -> None:
    """Set another password; everywhere but in one browser the person is signed out.

    Args:
        session_key: of the session that stays.
        with_tokens: whether the person's tokens end too.

    Raises:
        DomainError: the old one is wrong, or was guessed at too often.
    """
    attempts.count_attempt("password", address, user.email)
    if len(old) > people_services.MAX_PASSWORD_LENGTH or not user.check_password(old):
        raise DomainError(_("This is not your password."), fields={"old": ""})
    user.set_password(new)
    user.save(update_fields=["password"])
    end_everything(user=user, but=session_key, with_tokens=with_tokens)
    logger.info("password changed", extra={"user": user.pk})


@transaction.atomic
def ask_to_verify(*, user: User, email: str, address: str, team_id: int | None = None) -> None:
    """A mail to an address that the person says is his; it counts once the link in it was opened.

    Whether somebody else has the address is not said: then the link tells.

    Raises:
        DomainError: it is no address, or was asked too often.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise DomainError(_("This is no e-mail address."), fields={"email": ""}) from None
    attempts.count_attempt("verify", address, user.email)
    _count_mail("verify", email)
    mails.write_mail(AccountMail.Kind.VERIFY, email=email, user=user, team_id=team_id)


def read_address_token(token: str) -> tuple[User, str]:
    """Whose it is, and the address it is about.

    Raises:
        DomainError: it has expired, or is void.
    """
    try:
        told = signing.loads(token, salt=mails.ADDRESS_SALT, max_age=mails.ADDRESS_SECONDS)
    except signing.SignatureExpired:
        raise DomainError(_("This link has expired: it was valid for 24 hours.")) from None
    except signing.BadSignature:
        raise DomainError(_("This link is not complete.")) from None
    user = User.objects.filter(pk=told["user"], email=told["now"], is_active=True).first()
    if (
        user is None
        or told.get("seal") != mails.seal_of(user)
        or (user.email == told["email"] and user.email_verified_at is not None)
    ):
        raise DomainError(_("This link was used already or does not count any more."))
    return user, told["email"]


@transaction.atomic
def confirm_address(*, token: str, team_id: int | None = None) -> User:
    """The address is the person's from now on.

    Raises:
        DomainError: the link is void, or somebody else has the address.
    """
    user, email = read_address_token(token)
    user = User.objects.select_for_update().get(pk=user.pk)
    old = user.email
    user.email, user.email_verified_at = email, timezone.now()
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_verified_at"])
    except IntegrityError:
        raise DomainError(_("This address belongs to another account.")) from None
    if old != email:
        address_changes.note_change(user=user, old_email=old, team_id=team_id)
    team_services.enrol(user)
    logger.info("e-mail address verified", extra={"user": user.pk})
    return user
