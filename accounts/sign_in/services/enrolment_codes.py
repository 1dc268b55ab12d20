"""Codes that support staff need for their first second factor, so that a stolen password alone is not enough."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.audit.context import team_of
from accounts.audit.services import Action, record_entry
from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people.models import User
from accounts.sign_in.models import FACTOR_TYPES, FactorEnrolmentCode
from accounts.sign_in.services import attempts
from cpms.common.errors import DomainError, NotAllowed

logger = logging.getLogger(__name__)
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GROUP_COUNT, GROUP_LENGTH = 4, 4  # 80 bits
VALID = timedelta(hours=24)
MAX_TRIES, TRIES_SECONDS = 5, 300


def _hash(code: str) -> str:
    normalized = "".join(char for char in code.upper() if char in ALPHABET)
    return salted_hmac("accounts.factor_enrolment", normalized, algorithm="sha256").hexdigest()


@transaction.atomic
def issue_code(*, person: User, actor: User | None) -> tuple[FactorEnrolmentCode, str]:
    """Issue a code with which a member of the support staff sets up their first second factor. Older codes become void.

    Args:
        actor: another member of the support staff; None on the command line.

    Returns:
        The row, and the code in plain text, which cannot be read again.

    Raises:
        NotAllowed: the actor is not support staff, or is the person.
        DomainError: the person is not active support staff, or has a second factor.
    """
    if actor is not None and not (actor.is_active and actor.is_staff):
        raise NotAllowed(_("Only support staff can issue enrolment codes."))
    if actor is not None and actor.pk == person.pk:
        raise NotAllowed(_("Another member of the support staff must issue your enrolment code."))
    person = User.objects.select_for_update().get(pk=person.pk)
    if not (person.is_active and person.is_staff):
        raise DomainError(_("%(name)s is not support staff and does not need an enrolment code.") % {"name": person})
    if has_factor(person):
        raise DomainError(_("%(name)s uses two-factor authentication already. Reset it first.") % {"name": person})
    now = timezone.now()
    _open_codes(person).update(revoked_at=now)
    groups = ("".join(secrets.choice(ALPHABET) for _position in range(GROUP_LENGTH)) for _group in range(GROUP_COUNT))
    code = "-".join(groups)
    row = FactorEnrolmentCode.objects.create(
        user=person, code_hash=_hash(code), created_by=actor, created_at=now, expires_at=now + VALID
    )
    mails.queue_mail(AccountMail.Kind.ENROL_CODE, email=person.email, user=person, language=person.language)
    changes = {"second_factor": ["", "enrolment_code"]}
    record_entry(person, actor=actor, team_id=team_of(person), changes=changes, action=Action.UPDATE)
    logger.info("enrolment code issued", extra={"user": person.pk, "by": actor.pk if actor else None})
    return row, code


def is_needed(person: User) -> bool:
    """Return whether this person needs an enrolment code for their next second factor."""
    return person.access.is_staff_with_factor and not has_factor(person)


def use_code(*, person: User, code: str) -> None:
    """Redeem a code; call it in the transaction that sets up the second factor.

    Raises:
        TooManyAttempts: too many wrong codes.
        DomainError: the code is missing, wrong, used or expired.
    """
    if not code.strip():
        sentence = _("Support staff need an enrolment code to set up two-factor authentication.")
        raise DomainError(sentence, fields={"enrolment_code": sentence})
    attempt = attempts.count_attempt("enrolment-code", "", person.email, most=MAX_TRIES, seconds=TRIES_SECONDS)
    found = _open_codes(person).filter(code_hash=_hash(code), expires_at__gt=timezone.now())
    if not found.update(used_at=timezone.now()):
        sentence = _("This enrolment code is wrong, already used or expired.")
        raise DomainError(sentence, fields={"enrolment_code": sentence})
    attempts.clear_attempts(attempt)


def has_factor(person: User) -> bool:
    """Return whether this person has an authenticator app or a passkey."""
    return Authenticator.objects.filter(user=person, type__in=FACTOR_TYPES).exists()


def _open_codes(person: User) -> QuerySet[FactorEnrolmentCode]:
    return FactorEnrolmentCode.objects.filter(user=person, used_at__isnull=True, revoked_at__isnull=True)
