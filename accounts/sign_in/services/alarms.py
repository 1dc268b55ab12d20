"""Notify support staff when one network tries many accounts, or one account is tried from many networks."""

from __future__ import annotations

import logging

from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import transaction

from accounts.audit.context import add_request_details
from accounts.audit.models import AuditEntry
from accounts.audit.services import Action
from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people.models import User

logger = logging.getLogger(__name__)
SOURCE, ACCOUNT = AccountMail.Kind.MANY_ACCOUNTS, AccountMail.Kind.MANY_ATTEMPTS
QUIET_SECONDS = 60 * 60  # at most one alarm of each kind in this time
CHANGE_KEY = "sign_in_attempts"  # key of the change in the audit log


def raise_alarm(kind: AccountMail.Kind, *, about: str, count: int) -> None:
    """Write an audit entry and an e-mail to each member of the support staff, at most once an hour per kind.

    Args:
        about: the network or the account.
        count: how many accounts the network tried, or how many attempts the account had.
    """
    try:
        if not cache.add(f"sign-in-alarm-{kind}", 1, QUIET_SECONDS):
            return
    except Exception as error:
        logger.warning("sign-in alarm not raised because the cache failed", extra={"cause": type(error).__name__})
        return
    logger.warning("passwords are being guessed", extra={"kind": str(kind), "count": count})
    person = User.objects.filter(email__iexact=about).first() if kind == ACCOUNT else None
    with transaction.atomic():
        details = add_request_details({"actor": None})
        AuditEntry.objects.bulk_create(
            [
                AuditEntry(
                    content_type=ContentType.objects.get_for_model(User),
                    object_pk=str(person.pk) if person else "",
                    object_id=person.pk if person else None,
                    object_repr=about[:200],
                    action=Action.ACCESS,
                    changes={CHANGE_KEY: ["", str(count)]},
                    **details,
                )
            ]
        )
        for staff in User.objects.filter(is_staff=True, is_active=True).order_by("pk"):
            mails.queue_mail(
                kind, email=staff.email, user=staff, about=f"{count} {about}"[:253], language=staff.language
            )
