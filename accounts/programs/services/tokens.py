"""Changes to teams, people and their keys, and how attempts are counted."""

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
    """A new key with which a program acts as this person.

    Args:
        expires_at: when it ends; None: only when it is revoked.
        scopes: words of `ApiScope`, to which it is limited; none: it may do all that the person may.

    Returns:
        The token, and its key in the clear: the only time it can be seen.

    Raises:
        DomainError: the person may not log in, the expiry is past, or a scope is none (`fields` names which).
    """
    if not user.is_active:
        raise DomainError(_("This person may not log in."))
    if expires_at is not None and expires_at <= timezone.now():
        refuse("expires_at", _("This time is past."))
    if expires_at is not None and not is_sensible(expires_at):
        refuse("expires_at", _("This time is too far away; leave it out for no end."))
    if not set(scopes) <= set(ApiScope.values):
        refuse("scopes", _("Choose among: %(scopes)s.") % {"scopes": ", ".join(ApiScope.values)})
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
    """End a token at once; it stays listed as revoked.

    Raises:
        NotAllowed: it is somebody else's.
    """
    if token.user_id != actor.pk and not actor.is_staff:
        raise NotAllowed(_("This token belongs to somebody else."))
    token.revoked = True
    token.save(update_fields=["revoked"])
    logger.info("API token revoked", extra={"user": actor.pk, "token": token.prefix})


@transaction.atomic
def revoke_tokens_of(user: User) -> int:
    """End a person's API tokens, and the access tokens of programs that this person added.

    A program itself is its team's and goes on: its client gets another access token with its secret.

    Returns:
        How many API tokens ended.
    """
    tokens = list(ApiToken.objects.filter(user=user, revoked=False))
    for token in tokens:  # one by one: the audit trail names each
        revoke_api_token(token=token, actor=user)
    AccessToken.objects.filter(program__created_by=user).delete()
    return len(tokens)
