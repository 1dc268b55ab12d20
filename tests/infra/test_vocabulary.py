"""Outside `ocpp_gateway/v*/` no code uses identifiers of one OCPP version; it uses our own vocabulary."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ocpp
import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("cpms", "accounts", "chargers", "sessions", "operations", "maintenance", "ocpp_gateway")
SCHEMAS = Path(ocpp.__file__).parent / "v16" / "schemas"
# Version packages, our vocabulary, simulated stations and demo logs may use these identifiers.
SPELLERS = re.compile(r"ocpp_gateway/v\d+/|chargers/vocabulary\.py|/migrations/|/simulator/|demo")
GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
SHORTEST = 4  # shorter identifiers are symbols of units and phases, which pages show as well
SYMBOLS = {"kvarh", "varh"}
OF_DJANGO = {"PermissionDenied", "NotFound"}  # Django's exceptions
ALLOWED = {  # by file: identifiers that it may use, and why
    "consumer.py": {"Unavailable"},  # part of the reason phrase of HTTP status 503
    "codec.py": {"InternalError", "NotImplemented", "NotSupported"},  # OCPP-J error codes of every version
}


def enum_words(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield from schema["enum"]
        for value in schema.values():
            yield from enum_words(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from enum_words(value)


def field_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from field_names(value)


FILES = sorted(SCHEMAS.glob("*.json"))
ACTIONS = {path.stem.removesuffix("Response") for path in FILES}
CONTENTS = [json.loads(path.read_text(encoding="utf-8-sig")) for path in FILES]
WORDS = {word for schema in CONTENTS for word in enum_words(schema)}
FIELDS = {name for schema in CONTENTS for name in field_names(schema)}
WORDS = {word for word in WORDS | ACTIONS if len(word) >= SHORTEST} - SYMBOLS
# Identifiers that cannot be English words are searched for in comments, texts and templates as well.
UNMISTAKABLE = {word for word in WORDS | FIELDS if re.search(r"[a-z.][A-Z]", word)} - OF_DJANGO
UNMISTAKABLE_IN = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, sorted(UNMISTAKABLE)))})(?![\w.]*\w)")


def labels_in(tree: ast.AST) -> set[int]:
    """Return the ids of nodes inside gettext calls."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", "")) in GETTEXT]
    return {id(node) for call in named for node in ast.walk(call)}


def spelled_in(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    found = set(UNMISTAKABLE_IN.findall(text))
    if path.suffix == ".py":
        tree = ast.parse(text)
        labels = labels_in(tree)
        constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in labels)
        found |= {node.value for node in constants if isinstance(node.value, str) and node.value in WORDS}
    return found - ALLOWED.get(path.name, set())


def sources() -> list[Path]:
    code = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    pages = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]
    return [path for path in (*code, *pages) if not SPELLERS.search(path.relative_to(ROOT).as_posix())]


def test_no_other_code_uses_identifiers_of_ocpp_1_6() -> None:
    spelled = {path.relative_to(ROOT).as_posix(): sorted(words) for path in sources() if (words := spelled_in(path))}
    assert spelled == {}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('if status == "Faulted": pass', {"Faulted"}),
        ("# the end of a StartTransaction", {"StartTransaction"}),
        ('text = _("it must send a BootNotification")', {"BootNotification"}),
        ('label = _("Available")', set()),
        ('unit = "kWh"', set()),
        ("status = ConnectorStatus.SUSPENDED_EV", set()),
    ],
)
def test_identifiers_are_found(tmp_path: Path, source: str, words: set[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    assert spelled_in(path) == words
