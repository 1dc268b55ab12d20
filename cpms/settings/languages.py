"""The languages of pages and mails: English, in which texts are written, and each with a translation under locale/."""

from pathlib import Path

from django.conf.locale import LANG_INFO
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, to_language

SOURCE = "en"


def languages_in(folder: Path) -> list[tuple[str, str | Promise]]:
    """Codes and names for LANGUAGES; whoever adds a translation and compiles it has added the language.

    Args:
        folder: with one folder per locale, as makemessages lays it.
    """
    translated = (to_language(file.parent.parent.name) for file in folder.glob("*/LC_MESSAGES/django.mo"))
    codes = [SOURCE, *sorted({*translated} - {SOURCE})]
    return [(code, gettext_lazy(LANG_INFO.get(code, {}).get("name", code))) for code in codes]
