"""All texts of pages, mails and answers, as they stand in the source: what makemessages finds, without its programs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

APPS = ("accounts", "chargers", "cpms", "maintenance", "ocpp_gateway", "operations", "sessions")
CONTEXTS = {"_": 0, "gettext": 0, "ngettext": 0, "pgettext": 1, "npgettext": 1}  # how many arguments come before
STRING = r"u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
CALL = re.compile(rf"(?<!\w)({'|'.join(CONTEXTS)})\(((?:\s*{STRING}\s*,?)+)")

Text = tuple[str, str]  # context and text


def said(name: str, words: list[str]) -> Text:
    return (words[0], words[1]) if CONTEXTS[name] else ("", words[0])


def texts_of_module(file: Path) -> Iterator[Text]:
    for call in ast.walk(ast.parse(file.read_text())):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", "")).removesuffix("_lazy").removesuffix("_noop")
        given = call.args[: CONTEXTS.get(name, -1) + 1]
        words = [str(word.value) for word in given if isinstance(word, ast.Constant)]
        if name in CONTEXTS and len(words) == CONTEXTS[name] + 1:
            yield said(name, words)


def texts_of_template(file: Path) -> Iterator[Text]:
    for name, words in CALL.findall(templatize(file.read_text(), origin=str(file))):
        yield said(name, list(ast.literal_eval(f"({words.rstrip().rstrip(',')},)")))


def all_texts() -> set[Text]:
    root = settings.BASE_DIR
    modules = [file for app in APPS for file in (root / app).rglob("*.py") if "migrations" not in file.parts]
    found = {text for file in modules for text in texts_of_module(file)}
    return found.union(*(texts_of_template(file) for file in (root / "templates").rglob("*.html")))
