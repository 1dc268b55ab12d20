"""The languages of pages and e-mails: English as the source, and every language with a translation in locale/."""

from pathlib import Path

from django.conf.locale import LANG_INFO
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, to_language

SOURCE = "en"


def languages_in(folder: Path) -> list[tuple[str, str | Promise]]:
    """Return codes and names for LANGUAGES. Adding a compiled translation adds its language.

    Args:
        folder: contains one folder per locale, as created by makemessages.
    """
    translated = (to_language(file.parent.parent.name) for file in folder.glob("*/LC_MESSAGES/django.mo"))
    codes = [SOURCE, *sorted({*translated} - {SOURCE})]
    return [(code, gettext_lazy(LANG_INFO.get(code, {}).get("name", code))) for code in codes]
