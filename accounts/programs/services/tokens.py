"""Services that issue and revoke API tokens of users."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from typing import cast

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import ApiScope
from accounts.people.models import ApiToken, User
from accounts.programs.models import AccessToken
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.text.dates import is_sensible
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)


MAX_TOKEN_NAME_LENGTH = 50


@transaction.atomic
def issue_api_token(
    *, user: User, name: str, expires_at: datetime | None = None, scopes: Collection[str] = ()
) -> tuple[ApiToken, str]:
    """Issue an API token with which an application acts as this user.

    Args:
        expires_at: when it expires; None if it is valid until revoked.
        scopes: values of `ApiScope` that limit the token; without any it has all rights of the user.

    Returns:
        The token, and its key in plain text, which cannot be read again.

    Raises:
        DomainError: the user may not sign in, or expiry or scopes are invalid (`fields` names which).
    """
    if not user.is_active:
        raise DomainError(_("This user is deactivated."))
    if expires_at is not None and expires_at <= timezone.now():
        refuse("expires_at", _("Choose a time in the future."))
    if expires_at is not None and not is_sensible(expires_at):
        refuse("expires_at", _("This time is too far in the future. Leave it out for no expiry."))
    if not set(scopes) <= set(ApiScope.values):
        refuse("scopes", _("Choose from: %(scopes)s.") % {"scopes": ", ".join(ApiScope.values)})
    check_lines(name=name)
    token, key = ApiToken.objects.create_key(
        user=user,
        name=name.strip()[:MAX_TOKEN_NAME_LENGTH] or _("API token"),
        expiry_date=expires_at,
        scopes=[scope for scope in ApiScope.values if scope in scopes],
    )
    logger.info("API token issued", extra={"user": user.pk, "token": token.prefix})
    return cast(ApiToken, token), key


@transaction.atomic
def revoke_api_token(*, token: ApiToken, actor: User) -> None:
    """Revoke a token immediately. It stays listed.

    Raises:
        NotAllowed: it belongs to somebody else, and the actor is not support staff.
    """
    if token.user_id != actor.pk and not actor.is_staff:
        raise NotAllowed(_("This token belongs to somebody else."))
    token.revoked = True
    token.save(update_fields=["revoked"])
    logger.info("API token revoked", extra={"user": actor.pk, "token": token.prefix})


@transaction.atomic
def revoke_tokens_of(user: User) -> int:
    """Revoke a user's API tokens, and the access tokens of applications that this user added.

    The applications themselves belong to the team and keep working: they get new access tokens with their secrets.

    Returns:
        How many API tokens were revoked.
    """
    tokens = list(ApiToken.objects.filter(user=user, revoked=False))
    for token in tokens:  # one by one, so that the audit log has an entry for each
        revoke_api_token(token=token, actor=user)
    AccessToken.objects.filter(program__created_by=user).delete()
    return len(tokens)
