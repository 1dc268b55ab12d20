"""Changes of an account's e-mail address: the old address is told, and can undo the change for some days."""

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
OLD = timedelta(days=30)


def note_change(*, user: User, old_email: str, team_id: int | None = None) -> AddressChange:
    """Keep the old address and tell it; to be called in the transaction that changes the address."""
    change = AddressChange.objects.create(user=user, old_email=old_email, new_email=user.email)
    mails.write_mail(AccountMail.Kind.CHANGED, email=old_email, user=user, team_id=team_id, about=str(change.pk))
    return change


def read_undo_token(token: str) -> AddressChange:
    """Return the change that a link undoes.

    Raises:
        DomainError: the link is not complete, has expired, or was used.
    """
    try:
        pk = signing.loads(token, salt=mails.UNDO_SALT)
    except signing.BadSignature:
        raise DomainError(_("This link is not complete.")) from None
    change = AddressChange.objects.select_related("user").filter(pk=pk, user__is_active=True).first()
    if change is None or change.undone_at is not None:
        raise DomainError(_("This link was used already or does not count any more."))
    if change.changed_at + mails.UNDO_VALID <= timezone.now():
        raise DomainError(_("This link has expired: it was valid for 7 days."))
    return change


@transaction.atomic
def undo(*, token: str) -> User:
    """Restore the old address, end all that the account has open, and ask for a new password by mail.

    Raises:
        DomainError: the link does not count, or another account has the old address now.
    """
    change = read_undo_token(token)
    user = User.objects.select_for_update().get(pk=change.user_id)
    read_undo_token(token)  # somebody may have been quicker
    now = timezone.now()
    user.email, user.email_verified_at = change.old_email, now  # who has the link reads the mails
    user.set_unusable_password()  # also voids links to further addresses
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_verified_at", "password"])
    except IntegrityError:
        raise DomainError(_("This address belongs to another account.")) from None
    user.address_changes.filter(pk__gte=change.pk, undone_at__isnull=True).update(undone_at=now)
    browsers.sign_out_others(user=user, but=None)
    tokens.revoke_tokens_of(user)
    mails.write_mail(AccountMail.Kind.RESET, email=user.email, user=user)
    logger.warning("change of e-mail address undone", extra={"user": user.pk})
    return user


def forget_old_changes() -> None:
    AddressChange.objects.filter(changed_at__lt=timezone.now() - OLD).delete()
