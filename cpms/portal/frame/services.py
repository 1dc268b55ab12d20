"""Save a user's own choices about the site: language and third-party tools."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from cpms.common.errors import DomainError
from cpms.portal.models import PrivacyChoice, SiteHook


def choose_language(*, user: User, language: str) -> None:
    """Save the user's language.

    Raises:
        DomainError: the site is not available in this language.
    """
    if language not in dict(settings.LANGUAGES):
        raise DomainError(_("This language is not available."))
    User.objects.filter(pk=user.pk).update(language=language)


@transaction.atomic
def allow_hooks(*, user: User, hooks: Collection[SiteHook]) -> None:
    """Allow exactly these third-party tools."""
    choice, _is_new = PrivacyChoice.objects.get_or_create(user=user)
    choice.hooks.set(hooks)
    choice.save()
