"""Two-factor authentication: an authenticator app, passkeys, and recovery codes for when both are lost.

Allauth (`allauth.mfa`) defines authenticators and checks proofs. This module decides what users, teams and support may
do with them, records changes in the audit log and sends e-mails.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.audit.context import team_of
from accounts.audit.services import Action, record_entry
from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people.models import User
from accounts.sign_in.services import attempts, browsers, enrolment_codes
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
Type = Authenticator.Type
FACTORS = (Type.TOTP, Type.WEBAUTHN)
MAX_KEYS = 20
MAX_NAME_LENGTH = 60
has_factor = enrolment_codes.has_factor
MAX_TRIES, TRIES_SECONDS = 5, 300  # for codes of six digits, three of which are valid at a time

WRONG_CODES_SECONDS, WRONG_CODES_MAIL_SECONDS = 24 * 3600, 3600


class Factors(NamedTuple):
    """The authenticators of a user."""

    app: Authenticator | None
    keys: list[Authenticator]
    codes: Authenticator | None

    @property
    def has_any(self) -> bool:
        return self.app is not None or bool(self.keys)

    @property
    def codes_left(self) -> int:
        return len(RecoveryCodes(self.codes).get_unused_codes()) if self.codes is not None else 0


def factors_of(user: User) -> Factors:
    """Return the authenticators of a user. One query."""
    rows = list(Authenticator.objects.filter(user=user).order_by("pk"))
    return Factors(
        app=next((row for row in rows if row.type == Type.TOTP), None),
        keys=[row for row in rows if row.type == Type.WEBAUTHN],
        codes=next((row for row in rows if row.type == Type.RECOVERY_CODES), None),
    )


def setup_required_message(user: User) -> str:
    """Return the API error for users who lack a required second factor."""
    if user.access.is_staff_with_factor:
        return _("Support staff must use two-factor authentication. Sign in to the portal and set it up.")
    return _("A team of yours requires two-factor authentication. Sign in to the portal and set it up.")


# --- setup and removal ---------------------------------------------------------------------------------------------


@transaction.atomic
def add_app(*, user: User, secret: str, code: str, enrolment_code: str = "") -> list[str]:
    """Add an authenticator app.

    Args:
        secret: the app's secret in base 32.
        code: the code that the app shows now, which proves that it has the secret.
        enrolment_code: required for the first second factor of support staff.

    Returns:
        New recovery codes; an empty list if the user has some already.

    Raises:
        DomainError: the user has an app already, or one of the codes is wrong.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if Authenticator.objects.filter(user=user, type=Type.TOTP).exists():
        raise DomainError(_("You have an authenticator app already. Remove it first."))
    counter = _matching_counter(secret, code)
    if counter is None:
        raise DomainError(_("This code is wrong. Check that the clock of your device is correct."), fields={"code": ""})
    _use_enrolment_code(user, enrolment_code)
    row = TOTP.activate(user, secret).instance
    row.data["last_counter"] = counter
    row.save(update_fields=["data"])
    _record_and_notify(user, AccountMail.Kind.APP_ON, ["", "app"])
    return _create_codes_if_none(user)


@transaction.atomic
def add_key(*, user: User, name: str, credential: dict[str, Any], enrolment_code: str = "") -> list[str]:
    """Add a passkey that the browser has just created.

    Args:
        credential: the browser's response to the `allauth.mfa.webauthn` options of this session.
        enrolment_code: required for the first second factor of support staff.

    Returns:
        New recovery codes; an empty list if the user has some already.

    Raises:
        DomainError: the response is invalid, there are too many passkeys, or the enrolment code is wrong.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if Authenticator.objects.filter(user=user, type=Type.WEBAUTHN).count() >= MAX_KEYS:
        raise DomainError(_("You have %(most)d passkeys. Remove one first.") % {"most": MAX_KEYS})
    try:
        webauthn.parse_registration_response(credential)
        registration = webauthn.complete_registration(credential)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError):  # the client can send anything
        raise DomainError(_("The passkey could not be set up. Please try again.")) from None
    if not registration.is_user_verified():
        raise DomainError(
            _("The device did not verify you. Set up a PIN, fingerprint or face recognition on it first.")
        )
    _use_enrolment_code(user, enrolment_code)
    row = webauthn.WebAuthn.add(user, _clean_name(name), credential).instance
    _record_and_notify(user, AccountMail.Kind.KEY_ON, ["", f"key:{row.wrap().name}"])
    return _create_codes_if_none(user)


def rename_key(*, key: Authenticator, name: str) -> None:
    """Rename a passkey.

    Raises:
        DomainError: the name is empty.
    """
    if not name.strip():
        raise DomainError(_("Enter a name by which you recognise it."), fields={"name": ""})
    key.data["name"] = _clean_name(name)
    key.save(update_fields=["data"])


@transaction.atomic
def remove(*, factor: Authenticator, actor: User) -> None:
    """Remove an app or a passkey. Removing the last one removes the recovery codes too.

    Raises:
        NotAllowed: the factor belongs to somebody else.
        DomainError: it is the last one, and a team or the site requires two-factor authentication.
    """
    if factor.user_id != actor.pk:
        raise NotAllowed(_("This belongs to somebody else."))
    user = User.objects.select_for_update().get(pk=factor.user_id)
    others = Authenticator.objects.filter(user=user, type__in=FACTORS).exclude(pk=factor.pk)
    is_last = not others.exists()
    if is_last and user.access.must_have_second_factor:
        if user.access.is_staff_with_factor:
            raise DomainError(_("Support staff must use two-factor authentication. Add another app or passkey first."))
        raise DomainError(_("A team of yours requires two-factor authentication. Add another app or passkey first."))
    is_app = factor.type == Type.TOTP
    what = "app" if is_app else f"key:{factor.wrap().name}"
    factor.delete()
    if is_last:
        Authenticator.objects.filter(user=user).delete()
    _record_and_notify(user, AccountMail.Kind.APP_OFF if is_app else AccountMail.Kind.KEY_OFF, [what, ""])


@transaction.atomic
def make_codes(*, user: User) -> list[str]:
    """Replace the recovery codes with new ones and return them.

    Raises:
        DomainError: the user has no second factor.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if not has_factor(user):
        raise DomainError(_("Set up an authenticator app or a passkey before you create recovery codes."))
    Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).delete()
    _record_and_notify(user, AccountMail.Kind.CODES, ["", "codes"])
    return RecoveryCodes.activate(user).generate_codes()


@transaction.atomic
def reset(*, person: User, actor: User) -> None:
    """Remove all factors of a person who has lost them. They are signed out everywhere and notified by e-mail.

    Raises:
        NotAllowed: the actor is not support staff.
        DomainError: the person has no second factor.
    """
    if not actor.is_staff:
        raise NotAllowed(_("Only support staff may do this."))
    person = User.objects.select_for_update().get(pk=person.pk)
    count, _by_model = Authenticator.objects.filter(user=person).delete()
    if not count:
        raise DomainError(_("%(name)s does not use two-factor authentication.") % {"name": person})
    browsers.sign_out_others(user=person, keep_session=None)
    _record_and_notify(person, AccountMail.Kind.RESET_2FA, ["all", ""], actor=actor)


def _use_enrolment_code(user: User, code: str) -> None:
    if enrolment_codes.is_needed(user):
        enrolment_codes.use_code(person=user, code=code)


def _create_codes_if_none(user: User) -> list[str]:
    if Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).exists():
        return []
    return RecoveryCodes.activate(user).generate_codes()


def _clean_name(name: str) -> str:
    check_lines(name=name)
    return " ".join(name.split())[:MAX_NAME_LENGTH] or _("Passkey")


def _record_and_notify(user: User, kind: AccountMail.Kind, change: list[str], *, actor: User | None = None) -> None:
    """Send an e-mail and write an audit entry. `accounts.audit.labels` translates the two values of `change`."""
    mails.queue_mail(kind, email=user.email, user=user)
    changes = {"second_factor": change}
    record_entry(user, actor=actor or user, team_id=team_of(user), changes=changes, action=Action.UPDATE)
    logger.info("second factor changed", extra={"user": user.pk, "kind": kind.value})


# --- proofs --------------------------------------------------------------------------------------------------------


@transaction.atomic
def _use_code(user: User, code: str) -> Authenticator | None:
    rows = Authenticator.objects.select_for_update().filter(user=user, type__in=(Type.TOTP, Type.RECOVERY_CODES))
    for row in rows.order_by("-type"):
        if row.type == Type.RECOVERY_CODES:
            codes = RecoveryCodes(row)
            if codes.validate_code(code):
                return codes.instance  # `validate_code` has read the row again
            continue
        counter = _matching_counter(decrypt(row.data["secret"]), code)
        if counter is not None and counter > row.data.get("last_counter", -1):  # each code works once
            row.data["last_counter"] = counter
            row.save(update_fields=["data"])
            return row
    return None


def check_code(*, user: User, code: str) -> Authenticator:
    """Check a code of a user's app or one of their recovery codes. Each code works once.

    Returns:
        The authenticator that the code belongs to.

    Raises:
        TooManyAttempts: there were more than five attempts within five minutes, from anywhere.
        DomainError: the code is wrong or was used already.
    """
    attempt = attempts.count_attempt("code", "", user.email, most=MAX_TRIES, seconds=TRIES_SECONDS)
    found = _use_code(user, code.replace(" ", "").replace("-", "")[:20])
    if found is None:
        _record_wrong_code(user)
        raise DomainError(_("This code is wrong or already used."), fields={"code": ""})
    attempts.clear_attempts(attempt)
    attempts.clear_attempts(_wrong_codes_key(user))
    _record_use(found)
    return found


def _wrong_codes_key(user: User) -> str:
    return f"wrong-codes-{salted_hmac('wrong-codes', user.email, algorithm='sha256').hexdigest()}"


def _record_wrong_code(user: User) -> None:
    """E-mail the owner of the account after every five wrong codes since the last right one, at most once an hour."""
    key = _wrong_codes_key(user)
    try:
        cache.add(key, 0, WRONG_CODES_SECONDS)
        is_time = cache.incr(key) % MAX_TRIES == 0 and cache.add(f"{key}-told", True, WRONG_CODES_MAIL_SECONDS)
    except Exception as error:  # a failing cache must not block users
        logger.warning("wrong codes are not counted", extra={"cause": type(error).__name__})
        return
    if is_time:
        mails.queue_mail(AccountMail.Kind.WRONG_CODES, email=user.email, user=user, language=user.language)
        logger.warning("wrong codes of a second factor", extra={"user": user.pk})


def check_key(*, user: User | None, credential: dict[str, Any]) -> Authenticator:
    """Check a passkey response of the browser and return the passkey.

    Args:
        user: the owner; None to take the owner from the passkey itself, which then must verify the user.

    Raises:
        DomainError: the passkey is unknown, belongs to another user, or its owner may not sign in.
    """
    try:
        webauthn.parse_authentication_response(credential)
        person = user or webauthn.extract_user_from_response(credential)
        found = webauthn.complete_authentication(person, credential)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise DomainError(_("This passkey is unknown, or it took too long. Please try again.")) from None
    if not found.user.is_active:
        raise DomainError(_("This passkey is unknown, or it took too long. Please try again."))
    _record_use(found)
    return found


def check_token_request(*, user: User, code: str) -> None:
    """Check the second factor of a user who requests an API token with their password.

    Raises:
        DomainError: the code is missing or wrong, or a required second factor is not set up.
    """
    if has_factor(user):
        if not code:
            sentence = _("This account uses two-factor authentication. Send a code, or create the token in the portal.")
            raise DomainError(sentence, fields={"code": sentence})
        check_code(user=user, code=code)
    elif user.access.must_have_second_factor:
        raise DomainError(setup_required_message(user))


def _record_use(found: Authenticator) -> None:
    Authenticator.objects.filter(pk=found.pk).update(last_used_at=timezone.now())


def _matching_counter(secret: str, code: str) -> int | None:
    code = code.replace(" ", "")
    for counter in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            return counter
    return None
