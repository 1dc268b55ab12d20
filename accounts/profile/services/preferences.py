"""Users as the administrators of their teams manage them: edited, and erased when they leave."""

from __future__ import annotations

import zoneinfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.people.models import Theme, User
from cpms.common.errors import DomainError
from cpms.common.web import formatting


@transaction.atomic
def choose_preferences(
    *, user: User, language: str, time_zone: str, theme: str, date_format: str, number_format: str
) -> None:
    """How pages look and speak to this person from now on; each may be empty, which leaves it to language and browser.

    Raises:
        DomainError: there is no such choice.
    """
    values = {"language": language, "theme": theme, "date_format": date_format, "number_format": number_format}
    known = {
        "language": dict(settings.LANGUAGES),
        "theme": Theme.values,
        "date_format": dict(formatting.DATES),
        "number_format": dict(formatting.NUMBERS),
    }
    for name, value in values.items():
        if value and value not in known[name]:
            raise DomainError(_("There is no such choice."), fields={name: ""})
    if time_zone and time_zone not in zoneinfo.available_timezones():
        raise DomainError(_("There is no such choice."), fields={"time_zone": ""})
    for name, value in (values | {"time_zone": time_zone}).items():
        setattr(user, name, value)
    user.save(update_fields=[*values, "time_zone"])


def choose_theme(*, user: User, theme: str) -> None:
    """
    Raises:
        DomainError: there is no such appearance.
    """
    if theme not in Theme.values:
        raise DomainError(_("There is no such choice."), fields={"theme": ""})
    User.objects.filter(pk=user.pk).update(theme=theme)
