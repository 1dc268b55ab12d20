"""Services that save a user's preferences."""

from __future__ import annotations

import zoneinfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.people.models import Theme, User
from cpms.common.errors import DomainError
from cpms.common.web import formatting


@transaction.atomic
def save_preferences(
    *, user: User, language: str, time_zone: str, theme: str, date_format: str, number_format: str
) -> None:
    """Save a user's preferences. An empty value means the default of the language or the browser.

    Raises:
        DomainError: a value is not a valid option (`fields` names which).
    """
    values = {"language": language, "theme": theme, "date_format": date_format, "number_format": number_format}
    allowed = {
        "language": dict(settings.LANGUAGES),
        "theme": Theme.values,
        "date_format": dict(formatting.DATES),
        "number_format": dict(formatting.NUMBERS),
    }
    for name, value in values.items():
        if value and value not in allowed[name]:
            raise DomainError(_("Select a valid option."), fields={name: ""})
    if time_zone and time_zone not in zoneinfo.available_timezones():
        raise DomainError(_("Select a valid option."), fields={"time_zone": ""})
    for name, value in (values | {"time_zone": time_zone}).items():
        setattr(user, name, value)
    user.save(update_fields=[*values, "time_zone"])


def save_theme(*, user: User, theme: str) -> None:
    """Save a user's colour theme.

    Raises:
        DomainError: the theme does not exist.
    """
    if theme not in Theme.values:
        raise DomainError(_("Select a valid option."), fields={"theme": ""})
    User.objects.filter(pk=user.pk).update(theme=theme)
