"""Services that reset and change passwords and verify e-mail addresses."""

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
from accounts.people.models import User
from accounts.profile.services import address_changes
from accounts.programs.services import tokens
from accounts.sign_in.services import attempts, browsers
from cpms.common.errors import DomainError

logger = logging.getLogger(__name__)
MAX_MAILS, MAILS_SECONDS = 5, 3600  # per address, however many clients request them


@transaction.atomic
def request_password_reset(*, email: str, address: str, team_id: int | None = None) -> None:
    """Send a reset link if the account exists. Neither the result nor the response time reveals whether it does.

    Args:
        address: the client's IP address.
        team_id: the team whose domain was used, and whose branding the e-mail has.

    Raises:
        TooManyAttempts: there were too many requests from this network or for this e-mail address.
    """
    attempts.count_attempt("reset", address, email)
    _count_mail("reset", email)
    mails.queue_mail(AccountMail.Kind.RESET, email=email.strip().lower(), team_id=team_id)


def _count_mail(kind: str, email: str) -> None:
    """Limit the e-mails to one address, so that nobody's mailbox can be flooded.

    Raises:
        TooManyAttempts: there were MAX_MAILS within the hour.
    """
    attempts.count_attempt(f"{kind}-mail", "", email, most=MAX_MAILS, seconds=MAILS_SECONDS)


def end_sessions_and_tokens(*, user: User, keep_session: str | None, with_tokens: bool = True) -> None:
    """After a change of password: sign out other browsers, revoke tokens, and notify the user by e-mail.

    Args:
        keep_session: the key of the session that stays; None to end all of them.
        with_tokens: whether API tokens and access tokens end too.
    """
    signed_out = browsers.sign_out_others(user=user, keep_session=keep_session)
    revoked = tokens.revoke_tokens_of(user) if with_tokens else 0
    mails.queue_mail(AccountMail.Kind.PASSWORD, email=user.email, user=user, about=f"{signed_out} {revoked}")


@transaction.atomic
def set_password_by_link(*, user: User, key: str, password: str) -> None:
    """Set a password from a reset link, and end all sessions and tokens of the user.

    The link works once, since its key depends on the old password.

    Raises:
        DomainError: the link was used meanwhile, or the user may not sign in.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    if not locked.is_active or not default_token_generator.check_token(locked, key):
        raise DomainError(_("This link was already used or has expired."))
    locked.set_password(password)
    locked.email_verified_at = locked.email_verified_at or timezone.now()  # the link proves access to the mailbox
    locked.save(update_fields=["password", "email_verified_at"])
    end_sessions_and_tokens(user=locked, keep_session=None)
    people_services.enrol(locked)
    logger.info("password set by link", extra={"user": user.pk})


@transaction.atomic
def change_password(
    *, user: User, old: str, new: str, address: str, session_key: str | None = None, with_tokens: bool = True
) -> None:
    """Change a user's password, and sign out all other browsers.

    Args:
        address: the client's IP address.
        session_key: the key of the session that stays.
        with_tokens: whether API tokens and access tokens end too.

    Raises:
        DomainError: the old password is wrong, or there were too many attempts.
    """
    attempts.count_attempt("password", address, user.email)
    if len(old) > people_services.MAX_PASSWORD_LENGTH or not user.check_password(old):
        raise DomainError(_("This is not your password."), fields={"old": ""})
    user.set_password(new)
    user.save(update_fields=["password"])
    end_sessions_and_tokens(user=user, keep_session=session_key, with_tokens=with_tokens)
    logger.info("password changed", extra={"user": user.pk})


@transaction.atomic
def request_address_verification(*, user: User, email: str, address: str, team_id: int | None = None) -> None:
    """Send a confirmation link to a new e-mail address. The address takes effect when the link is opened.

    Whether another account has the address is not revealed before that.

    Args:
        address: the client's IP address.

    Raises:
        DomainError: the e-mail address is invalid, or there were too many requests.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise DomainError(_("Enter a valid e-mail address."), fields={"email": ""}) from None
    attempts.count_attempt("verify", address, user.email)
    _count_mail("verify", email)
    mails.queue_mail(AccountMail.Kind.VERIFY, email=email, user=user, team_id=team_id)


def read_address_token(token: str) -> tuple[User, str]:
    """Return the user and the new address of a confirmation link.

    Raises:
        DomainError: the link has expired or is void.
    """
    try:
        payload = signing.loads(token, salt=mails.ADDRESS_SALT, max_age=mails.ADDRESS_SECONDS)
    except signing.SignatureExpired:
        raise DomainError(_("This link has expired. It was valid for 24 hours.")) from None
    except signing.BadSignature:
        raise DomainError(_("This link is incomplete.")) from None
    user = User.objects.filter(pk=payload["user"], email=payload["now"], is_active=True).first()
    if (
        user is None
        or payload.get("seal") != mails.password_fingerprint(user)
        or (user.email == payload["email"] and user.email_verified_at is not None)
    ):
        raise DomainError(_("This link was already used or has expired."))
    return user, payload["email"]


@transaction.atomic
def confirm_address(*, token: str, team_id: int | None = None) -> User:
    """Set a confirmed address as the user's e-mail address.

    Raises:
        DomainError: the link is void, or another account has the address.
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
        address_changes.record_change(user=user, old_email=old, team_id=team_id)
    people_services.enrol(user)
    logger.info("e-mail address verified", extra={"user": user.pk})
    return user
