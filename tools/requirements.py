"""Fill the column "Proved by" of docs/requirements.md from the requirement ids in tests.

A test names the requirements that it proves in its docstring or in a comment inside it, such as W19 or W70-W77. A
module names those that it proves as a whole in its docstring or in a comment between its tests.

Usage: python tools/requirements.py
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "requirements.md"
TESTS = ROOT / "tests"
SKIPPED = {"node_modules", "migrations", "__pycache__", "vendor", "unfold"}
# Numbers of ids in the project's list of trust requirements (T: protocol, F: faults, S: attacks), kept elsewhere.
TRUST = {"T": 42, "F": 24, "S": 44}
ID = re.compile(r"(?<![\w-])(Vi|[WPVZDBTFS])([1-9]\d{0,2})(?:-\1([1-9]\d{0,2}))?(?![\w-])")
ROW = re.compile(r"^\| ((?:Vi|[WPVZDB])\d+) \| (.+) \| (works|partly: .+|not yet) \| (.*) \|$", re.MULTILINE)
MAX_NAMES = 3  # tests of one module that are listed by name
NOQA = re.compile(r"#\s*noqa\b.*")  # its codes look like ids

Proofs = dict[str, dict[str, list[str]]]  # id -> path of the module -> names of tests; "" is the whole module


def ids_in(text: str) -> Iterator[str]:
    """Yield the ids in a text; a range like W7-W10 yields each of its ids."""
    for kind, first, last in ID.findall(text):
        for number in range(int(first), int(last or first) + 1):
            yield f"{kind}{number}"


def remarks(source: str) -> Iterator[tuple[str, str]]:
    """Yield each docstring and comment of a module with the name of the test that contains it, or with ""."""
    tests: list[tuple[int, int, str]] = []  # first line, last line, name
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            continue
        name = ""
        if not isinstance(node, ast.Module) and node.name.startswith("test_"):
            name = node.name
            tests.append((node.lineno, node.end_lineno or node.lineno, name))
        if docstring := ast.get_docstring(node, clean=False):
            yield name, docstring
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            name = next((name for first, last, name in tests if first <= line <= last), "")
            yield name, NOQA.sub("", token.string)


def files(folder: Path, *suffixes: str) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in suffixes and not SKIPPED & set(path.relative_to(folder).parts):
            yield path


def proofs() -> Proofs:
    """Return the tests that name each id."""
    found: Proofs = {}
    for path in files(TESTS, ".py"):
        for name, text in remarks(path.read_text()):
            for key in ids_in(text):
                names = found.setdefault(key, {}).setdefault(path.relative_to(ROOT).as_posix(), [])
                if name not in names:
                    names.append(name)
    return found


def proof_cell(modules: dict[str, list[str]]) -> str:
    """Return the tests of one requirement as text: a few tests of a module by name, more by their number."""
    parts = []
    for path, names in sorted(modules.items()):
        if "" in names:
            parts.append(f"`{path}`")
        elif len(names) > MAX_NAMES:
            parts.append(f"`{path}` ({len(names)} tests)")
        else:
            parts.append(f"`{path}` ({', '.join(sorted(names))})")
    return "; ".join(parts)


def filled(document: str, found: Proofs) -> str:
    """Return the document with an updated column "Proved by"."""
    return ROW.sub(
        lambda row: f"| {row[1]} | {row[2]} | {row[3]} | {proof_cell(found.get(row[1], {})) or '-'} |", document
    )


def rows(document: str) -> dict[str, str]:
    """Return the state of each requirement of the document."""
    return {row[1]: row[3] for row in ROW.finditer(document)}


def main() -> int:
    before = DOCUMENT.read_text()
    after = filled(before, proofs())
    if after != before:
        DOCUMENT.write_text(after)
        print(f"{DOCUMENT.relative_to(ROOT)} was updated.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
