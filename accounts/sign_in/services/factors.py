"""A second factor beside the password: an authenticator app, passkeys, and recovery codes for when both are lost.

What an authenticator is and how its proofs are checked is allauth's (`allauth.mfa`); here is what a person, his team
and our support may do with it, what is written down about it and which mails go out.
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
from accounts.audit.services import Action, note
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
MAX_TRIES, TRIES_SECONDS = 5, 300  # of codes of six digits: a million, three of which count at a time

WRONG_CODES_SECONDS, WRONG_CODES_MAIL_SECONDS = 24 * 3600, 3600


class Factors(NamedTuple):
    """What a person has."""

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
    """One query."""
    rows = list(Authenticator.objects.filter(user=user).order_by("pk"))
    return Factors(
        app=next((row for row in rows if row.type == Type.TOTP), None),
        keys=[row for row in rows if row.type == Type.WEBAUTHN],
        codes=next((row for row in rows if row.type == Type.RECOVERY_CODES), None),
    )


def set_up_first(user: User) -> str:
    """What is told to who must have a second factor and has none, where no page can lead to its set-up."""
    if user.access.is_staff_with_factor:
        return _("Support staff needs a second factor: sign in to the portal and set up one.")
    return _("A team of yours demands a second factor: sign in to the portal and set up one.")


# --- set up and taken away ----------------------------------------------------------------------------------------


@transaction.atomic
def add_app(*, user: User, secret: str, code: str, enrolment_code: str = "") -> list[str]:
    """Take an authenticator app into use.

    Args:
        secret: what the app was given, in base 32.
        code: what the app shows now: the proof that it has the secret.
        enrolment_code: without which support staff cannot set up a first second factor.

    Returns:
        New recovery codes; none where the person has some.

    Raises:
        DomainError: there is an app already, or one of the codes is wrong.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if Authenticator.objects.filter(user=user, type=Type.TOTP).exists():
        raise DomainError(_("You have an authenticator app already: remove it first."))
    counter = _counter_of(secret, code)
    if counter is None:
        raise DomainError(_("This code is not right. Is the clock of your device right?"), fields={"code": ""})
    _use_enrolment_code(user, enrolment_code)
    row = TOTP.activate(user, secret).instance
    row.data["last_counter"] = counter
    row.save(update_fields=["data"])
    _tell(user, AccountMail.Kind.APP_ON, ["", "app"])
    return _first_codes(user)


@transaction.atomic
def add_key(*, user: User, name: str, credential: dict[str, Any], enrolment_code: str = "") -> list[str]:
    """Take a passkey into use that the browser has just made.

    Args:
        credential: the browser's answer to `allauth.mfa.webauthn` options of this session.
        enrolment_code: as for `add_app`.

    Returns:
        New recovery codes; none where the person has some.

    Raises:
        DomainError: the answer does not fit, there are too many keys, or the enrolment code is wrong.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if Authenticator.objects.filter(user=user, type=Type.WEBAUTHN).count() >= MAX_KEYS:
        raise DomainError(_("You have %(most)d passkeys: remove one first.") % {"most": MAX_KEYS})
    try:
        webauthn.parse_registration_response(credential)
        made = webauthn.complete_registration(credential)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError):  # anything could have been sent
        raise DomainError(_("The passkey could not be set up. Please try again.")) from None
    if not made.is_user_verified():
        raise DomainError(_("The device did not ask who you are: set up a PIN, finger or face there first."))
    _use_enrolment_code(user, enrolment_code)
    row = webauthn.WebAuthn.add(user, _name(name), credential).instance
    _tell(user, AccountMail.Kind.KEY_ON, ["", f"key:{row.wrap().name}"])
    return _first_codes(user)


def rename_key(*, key: Authenticator, name: str) -> None:
    """Raises:
    DomainError: the name is empty.
    """
    if not name.strip():
        raise DomainError(_("Give it a name by which you recognise it."), fields={"name": ""})
    key.data["name"] = _name(name)
    key.save(update_fields=["data"])


@transaction.atomic
def remove(*, factor: Authenticator, actor: User) -> None:
    """Take an app or a passkey out of use; with the last of them the recovery codes go, too.

    Raises:
        NotAllowed: it is somebody else's.
        DomainError: it is the last one, and a team demands one or the site does.
    """
    if factor.user_id != actor.pk:
        raise NotAllowed(_("This belongs to somebody else."))
    user = User.objects.select_for_update().get(pk=factor.user_id)
    others = Authenticator.objects.filter(user=user, type__in=FACTORS).exclude(pk=factor.pk)
    is_last = not others.exists()
    if is_last and user.access.must_have_second_factor:
        if user.access.is_staff_with_factor:
            raise DomainError(_("Support staff needs a second factor: set up another one before you remove this."))
        raise DomainError(_("A team of yours demands a second factor: set up another one before you remove this."))
    is_app = factor.type == Type.TOTP
    what = "app" if is_app else f"key:{factor.wrap().name}"
    factor.delete()
    if is_last:
        Authenticator.objects.filter(user=user).delete()
    _tell(user, AccountMail.Kind.APP_OFF if is_app else AccountMail.Kind.KEY_OFF, [what, ""])


@transaction.atomic
def make_codes(*, user: User) -> list[str]:
    """New recovery codes in place of the old ones.

    Raises:
        DomainError: there is no second factor that they could stand in for.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if not has_factor(user):
        raise DomainError(_("Recovery codes are for who has an authenticator app or a passkey: set up one first."))
    Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).delete()
    _tell(user, AccountMail.Kind.CODES, ["", "codes"])
    return RecoveryCodes.activate(user).generate_codes()


@transaction.atomic
def reset(*, person: User, actor: User) -> None:
    """Support takes all factors of somebody who has lost them; he is signed out everywhere and gets a mail.

    Raises:
        NotAllowed: the actor is not support staff.
        DomainError: there is nothing to reset.
    """
    if not actor.is_staff:
        raise NotAllowed(_("Only support staff may do this."))
    person = User.objects.select_for_update().get(pk=person.pk)
    count, _by_model = Authenticator.objects.filter(user=person).delete()
    if not count:
        raise DomainError(_("%(name)s has no second factor.") % {"name": person})
    browsers.sign_out_others(user=person, but=None)
    _tell(person, AccountMail.Kind.RESET_2FA, ["all", ""], actor=actor)


def _use_enrolment_code(user: User, code: str) -> None:
    if enrolment_codes.is_needed(user):
        enrolment_codes.use_code(person=user, code=code)


def _first_codes(user: User) -> list[str]:
    if Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).exists():
        return []
    return RecoveryCodes.activate(user).generate_codes()


def _name(name: str) -> str:
    check_lines(name=name)
    return " ".join(name.split())[:MAX_NAME_LENGTH] or _("Passkey")


def _tell(user: User, kind: AccountMail.Kind, change: list[str], *, actor: User | None = None) -> None:
    """By mail and in the audit trail, whose page says `change` in its reader's language (`accounts.audit_words`)."""
    mails.write_mail(kind, email=user.email, user=user)
    changes = {"second_factor": change}
    note(user, actor=actor or user, team_id=team_of(user), changes=changes, action=Action.UPDATE)
    logger.info("second factor changed", extra={"user": user.pk, "kind": kind.value})


# --- proved -------------------------------------------------------------------------------------------------------


@transaction.atomic
def _use_code(user: User, code: str) -> Authenticator | None:
    rows = Authenticator.objects.select_for_update().filter(user=user, type__in=(Type.TOTP, Type.RECOVERY_CODES))
    for row in rows.order_by("-type"):
        if row.type == Type.RECOVERY_CODES:
            codes = RecoveryCodes(row)
            if codes.validate_code(code):
                return codes.instance  # it has read the row again
            continue
        counter = _counter_of(decrypt(row.data["secret"]), code)
        if counter is not None and counter > row.data.get("last_counter", -1):  # each code once
            row.data["last_counter"] = counter
            row.save(update_fields=["data"])
            return row
    return None


def check_code(*, user: User, code: str) -> Authenticator:
    """The app or the recovery codes of this person that a code is of; it does not count a second time.

    Raises:
        TooManyAttempts: five within five minutes, from wherever.
        DomainError: it is of none.
    """
    attempt = attempts.count_attempt("code", "", user.email, most=MAX_TRIES, seconds=TRIES_SECONDS)
    found = _use_code(user, code.replace(" ", "").replace("-", "")[:20])
    if found is None:
        _note_wrong_code(user)
        raise DomainError(_("This code is not right or was used already."), fields={"code": ""})
    attempts.forget_attempts(attempt)
    attempts.forget_attempts(_wrong_codes_key(user))
    _note_use(found)
    return found


def _wrong_codes_key(user: User) -> str:
    return f"wrong-codes-{salted_hmac('wrong-codes', user.email, algorithm='sha256').hexdigest()}"


def _note_wrong_code(user: User) -> None:
    """Tell the owner of the account by mail of each five wrong codes since the last right one, at most once an hour."""
    key = _wrong_codes_key(user)
    try:
        cache.add(key, 0, WRONG_CODES_SECONDS)
        is_time = cache.incr(key) % MAX_TRIES == 0 and cache.add(f"{key}-told", True, WRONG_CODES_MAIL_SECONDS)
    except Exception as error:  # a cache that is away stops nobody
        logger.warning("wrong codes are not counted", extra={"cause": type(error).__name__})
        return
    if is_time:
        mails.write_mail(AccountMail.Kind.WRONG_CODES, email=user.email, user=user, language=user.language)
        logger.warning("wrong codes of a second factor", extra={"user": user.pk})


def check_key(*, user: User | None, credential: dict[str, Any]) -> Authenticator:
    """The passkey with which the browser answered what it was asked.

    Args:
        user: whose it must be; None where the key itself says who it is; such a key asks for PIN, finger or face.

    Raises:
        DomainError: it is not known, not of this person, or he may not sign in.
    """
    try:
        webauthn.parse_authentication_response(credential)
        person = user or webauthn.extract_user_from_response(credential)
        found = webauthn.complete_authentication(person, credential)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise DomainError(_("This passkey is not known here, or it took too long. Please try again.")) from None
    if not found.user.is_active:
        raise DomainError(_("This passkey is not known here, or it took too long. Please try again."))
    _note_use(found)
    return found


def check_token_request(*, user: User, code: str) -> None:
    """Whether somebody with this password may have a key for a program, too: a second factor has a say there as well.

    Raises:
        DomainError: the code is missing or wrong, or a second factor is demanded and there is none.
    """
    if has_factor(user):
        if not code:
            sentence = _("This account has a second factor: send its code, or create the token in the portal.")
            raise DomainError(sentence, fields={"code": sentence})
        check_code(user=user, code=code)
    elif user.access.must_have_second_factor:
        raise DomainError(set_up_first(user))


def _note_use(found: Authenticator) -> None:
    Authenticator.objects.filter(pk=found.pk).update(last_used_at=timezone.now())


def _counter_of(secret: str, code: str) -> int | None:
    code = code.replace(" ", "")
    for counter in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            return counter
    return None
