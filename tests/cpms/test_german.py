"""The German translation is complete, and German pages contain no English."""

import gettext
import re
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import translation

from cpms.settings.languages import languages_in
from tests.texts import all_texts, texts_of_module, texts_of_template

FOLDER = settings.BASE_DIR / "locale/de/LC_MESSAGES"


def entries() -> list[str]:
    return (FOLDER / "django.po").read_text().split("\n\n")[1:]


def catalogue() -> set[tuple[str, str]]:
    """Return context and text of all translated messages."""
    with (FOLDER / "django.mo").open("rb") as file:
        read: Any = gettext.GNUTranslations(file)
    keys = [key[0] if isinstance(key, tuple) else key for key in read._catalog]
    return {tuple(key.split("\x04")) if "\x04" in key else ("", key) for key in keys if key}


def test_every_text_of_the_source_is_in_the_catalogue_and_no_other():
    assert all_texts() - catalogue() == set()
    assert catalogue() - all_texts() == set()


def test_a_text_nobody_translated_is_found(tmp_path):
    (tmp_path / "a.py").write_text(
        'def words(n):\n    return _("New"), ngettext("one", "many", n), pgettext("in", "x")\n'
    )
    assert set(texts_of_module(tmp_path / "a.py")) == {("", "New"), ("", "one"), ("in", "x")}
    counted = '{% blocktranslate count n=2 context "below" %}a{% plural %}b{% endblocktranslate %}'
    text = '{% load i18n %}{% translate "It\'s" %}' + counted
    (tmp_path / "a.html").write_text(text)
    assert set(texts_of_template(tmp_path / "a.html")) == {("", "It's"), ("below", "a")}


def test_who_compiles_a_translation_has_added_a_language(tmp_path):
    for locale in ("de", "pt_BR", "sv"):
        (tmp_path / locale / "LC_MESSAGES").mkdir(parents=True)
    for locale in ("de", "pt_BR"):
        (tmp_path / locale / "LC_MESSAGES/django.mo").touch()
    assert [code for code, _name in languages_in(tmp_path)] == ["en", "de", "pt-br"]
    with translation.override("en"):
        assert [str(name) for _code, name in languages_in(tmp_path)] == ["English", "German", "Brazilian Portuguese"]


def test_every_text_has_a_translation():
    for entry in entries():
        assert "#, fuzzy" not in entry, entry
        for msgstr in re.findall(r'^msgstr(?:\[\d\])? ((?:".*"\n?)+)', entry, re.MULTILINE):
            assert msgstr.replace('"', "").strip(), entry


def test_the_compiled_file_is_that_of_the_source():
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog
    singular = [key for key in compiled if key and (not isinstance(key, tuple) or key[1] == 0)]
    assert len(singular) == len(entries())


def test_placeholders_are_those_of_the_source():
    for entry in entries():
        source, _tab, msgstr = entry.partition("\nmsgstr")
        assert set(re.findall(r"%\(\w+\)|\{\w+", source)) == set(re.findall(r"%\(\w+\)|\{\w+", msgstr)), entry


@pytest.mark.parametrize("name", ["portal:dashboard", "chargers:station_list", "sessions:session_list"])
def test_pages_are_german_for_who_wants_it(page, operator, finished_session, name):
    operator.language = "de"
    operator.save()
    text = page.get(reverse(name)).content.decode()
    assert '<html lang="de"' in text
    assert "Ladevorgänge" in text
    assert not re.search(r"\b(Sessions|Stations|Filter by|Export of|Charging now|Needs attention|per page)\b", text)


def test_drawings_have_the_figures_of_svg_and_not_of_german(page, operator, team, online, offline):
    operator.language = "de"
    operator.save()
    online(team)
    online(team)
    offline(team)
    text = page.get(reverse("portal:dashboard")).content.decode()
    assert 'stroke-dashoffset="-66.667"' in text


def test_states_are_said_in_german(page, operator, team, offline):
    operator.language = "de"
    operator.save()
    offline(team, status="Charging")
    with translation.override("de"):
        assert "Letzter Status: Lädt, " in page.get(reverse("chargers:station_list")).content.decode()
