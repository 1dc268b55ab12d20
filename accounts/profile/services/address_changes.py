"""Changes of an account's e-mail address: the old address is notified and can undo the change for some days."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people.models import User
from accounts.profile.models import AddressChange
from accounts.programs.services import tokens
from accounts.sign_in.services import browsers
from cpms.common.errors import DomainError

logger = logging.getLogger(__name__)
RETENTION = timedelta(days=30)


def record_change(*, user: User, old_email: str, team_id: int | None = None) -> AddressChange:
    """Record the old address and notify it. Call it in the transaction that changes the address."""
    change = AddressChange.objects.create(user=user, old_email=old_email, new_email=user.email)
    mails.queue_mail(AccountMail.Kind.CHANGED, email=old_email, user=user, team_id=team_id, about=str(change.pk))
    return change


def read_undo_token(token: str) -> AddressChange:
    """Return the change that an undo link is for.

    Raises:
        DomainError: the link is incomplete, has expired, or was used.
    """
    try:
        pk = signing.loads(token, salt=mails.UNDO_SALT)
    except signing.BadSignature:
        raise DomainError(_("This link is incomplete.")) from None
    change = AddressChange.objects.select_related("user").filter(pk=pk, user__is_active=True).first()
    if change is None or change.undone_at is not None:
        raise DomainError(_("This link was already used or has expired."))
    if change.changed_at + mails.UNDO_VALID <= timezone.now():
        raise DomainError(_("This link has expired. It was valid for 7 days."))
    return change


@transaction.atomic
def undo(*, token: str) -> User:
    """Restore the old address, end all sessions and tokens of the account, and send a link for a new password.

    Raises:
        DomainError: the link is not valid, or another account has the old address now.
    """
    change = read_undo_token(token)
    user = User.objects.select_for_update().get(pk=change.user_id)
    read_undo_token(token)  # check again under the lock
    now = timezone.now()
    user.email, user.email_verified_at = change.old_email, now  # the link proves access to the mailbox
    user.set_unusable_password()  # also voids links that confirm other addresses
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_verified_at", "password"])
    except IntegrityError:
        raise DomainError(_("This address belongs to another account.")) from None
    user.address_changes.filter(pk__gte=change.pk, undone_at__isnull=True).update(undone_at=now)
    browsers.sign_out_others(user=user, keep_session=None)
    tokens.revoke_tokens_of(user)
    mails.queue_mail(AccountMail.Kind.RESET, email=user.email, user=user)
    logger.warning("change of e-mail address undone", extra={"user": user.pk})
    return user


def delete_old_address_changes() -> None:
    AddressChange.objects.filter(changed_at__lt=timezone.now() - RETENTION).delete()
