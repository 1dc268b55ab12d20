"""Tell the platform's staff when passwords are tried at many accounts, or at one account from everywhere."""

from __future__ import annotations

import logging

from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import transaction

from accounts.audit.context import complete
from accounts.audit.models import AuditEntry
from accounts.audit.services import Action
from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people.models import User

logger = logging.getLogger(__name__)
SOURCE, ACCOUNT = AccountMail.Kind.MANY_ACCOUNTS, AccountMail.Kind.MANY_ATTEMPTS
QUIET_SECONDS = 60 * 60  # between two alarms of one kind
NOTED = "sign_in_attempts"  # in the audit trail


def raise_alarm(kind: AccountMail.Kind, *, about: str, count: int) -> None:
    """Write an audit entry and a mail to each of the support staff, once an hour of each kind.

    Args:
        about: the source or the account.
        count: how many accounts it tried, or how many attempts there were.
    """
    try:
        if not cache.add(f"sign-in-alarm-{kind}", 1, QUIET_SECONDS):
            return
    except Exception as error:
        logger.warning("a sign-in alarm is not remembered", extra={"cause": type(error).__name__})
        return
    logger.warning("passwords are being guessed", extra={"kind": str(kind), "count": count})
    person = User.objects.filter(email__iexact=about).first() if kind == ACCOUNT else None
    with transaction.atomic():
        facts = complete({"actor": None})
        AuditEntry.objects.bulk_create(
            [
                AuditEntry(
                    content_type=ContentType.objects.get_for_model(User),
                    object_pk=str(person.pk) if person else "",
                    object_id=person.pk if person else None,
                    object_repr=about[:200],
                    action=Action.ACCESS,
                    changes={NOTED: ["", str(count)]},
                    **facts,
                )
            ]
        )
        for staff in User.objects.filter(is_staff=True, is_active=True).order_by("pk"):
            mails.write_mail(
                kind, email=staff.email, user=staff, about=f"{count} {about}"[:253], language=staff.language
            )
