"""Find unused code with vulture. Use by tests does not count; use by templates and in strings does.

Names that a framework calls are listed in tools/dead_code_allowed.txt. Names there that are no longer needed fail, too.
"""

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parent.parent
CODE = ("cpms", "accounts", "chargers", "sessions", "operations", "maintenance", "ocpp_gateway", "tools")
# Not checked themselves, but the names in them count as used.
SETTINGS_AND_MIGRATIONS = ("migrations", "settings")
EXCLUDED = ["*/node_modules/*", *(f"*/{folder}/*" for folder in SETTINGS_AND_MIGRATIONS)]
ALLOWED = ROOT / "tools" / "dead_code_allowed.txt"
# Decorators that register a function with a framework.
DECORATORS = [
    "@admin.*",
    "@receiver*",
    "@shared_task*",
    "@register.*",
    "@handles*",
    "@encodes*",
    "@*.connect*",
    "@extend_schema*",
    "@action*",
]
# Calls whose keyword arguments name columns that are read, not written.
LOOKUPS = {"filter", "exclude", "get", "Q", "F", "When", "get_object_or_404", "aggregate", "first"}
WORD = re.compile(r"[A-Za-z_]\w*")


def names_in_strings(tree: ast.AST) -> Iterator[str]:
    """Return the names in strings such as "accounts.middleware.HostMiddleware" and "-station__booted_at"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            yield from re.split(r"\W+|__", node.value)
        elif isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in LOOKUPS:
                yield from (word for key in node.keywords if key.arg for word in key.arg.split("__"))


def names_in_code(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def used_names() -> set[str]:
    """Return the names used in templates, strings, settings and migrations, which vulture does not read."""
    names = {word for path in (ROOT / "templates").rglob("*.*") for word in WORD.findall(path.read_text())}
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            if "node_modules" in path.parts:
                continue
            tree = ast.parse(path.read_text())
            is_checked = not set(SETTINGS_AND_MIGRATIONS) & set(path.parts)
            if is_checked or "settings" in path.parts:
                names.update(names_in_strings(tree))
            if not is_checked:
                names.update(names_in_code(tree))
    return names


def allowed_names() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in ALLOWED.read_text().splitlines())
    return [word for line in lines for word in line.split()]


def main() -> int:
    vulture = Vulture(ignore_decorators=DECORATORS)
    vulture.scavenge([str(ROOT / folder) for folder in CODE], exclude=EXCLUDED)
    vulture.used_names.update(used_names())
    found = vulture.get_unused_code(min_confidence=60)
    patterns = allowed_names()
    unused = [item for item in found if not any(fnmatchcase(item.name, pattern) for pattern in patterns)]
    for item in unused:
        print(f"{Path(item.filename).relative_to(ROOT)}:{item.first_lineno}: unused {item.typ} {item.name}")
    unneeded = [pattern for pattern in patterns if not any(fnmatchcase(item.name, pattern) for item in found)]
    for pattern in unneeded:
        print(f"{ALLOWED.relative_to(ROOT)}: {pattern} is no longer needed")
    return 1 if unused or unneeded else 0


if __name__ == "__main__":
    sys.exit(main())
