"""docs/requirements.md matches the tests, and requirement ids stand nowhere else."""

from itertools import groupby
from pathlib import Path

import pytest

from tools import requirements

APPLICATION = (
    "cpms", "accounts", "chargers", "sessions", "operations", "maintenance", "ocpp_gateway", "templates", "static",
    "frontend", "docker",
)  # fmt: skip
FOREIGN = {"package-lock.json"}
PRODUCTS = ("KeContact P30", "Terra AC W22")  # models of stations in the demo whose names look like ids


@pytest.fixture(scope="module")
def document() -> str:
    return requirements.DOCUMENT.read_text()


@pytest.fixture(scope="module")
def states(document) -> dict[str, str]:
    return requirements.rows(document)


@pytest.fixture(scope="module")
def proofs() -> requirements.Proofs:
    return requirements.proofs()


def test_the_proofs_are_up_to_date(document, proofs):
    assert requirements.filled(document, proofs) == document, "Run: python tools/requirements.py"


def test_every_line_of_the_tables_is_a_requirement(document, states):
    lines = [
        line for line in document.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| Id "))
    ]
    assert len(lines) == len(states)


def test_numbers_have_no_gap_and_no_double(document):
    keys = [row[1] for row in requirements.ROW.finditer(document)]
    for kind, group in groupby(keys, key=lambda key: key.rstrip("0123456789")):
        numbers = [int(key.removeprefix(kind)) for key in group]
        assert numbers == list(range(1, len(numbers) + 1)), kind


def test_every_id_that_a_test_names_exists(states, proofs):
    trust = {f"{kind}{number}" for kind, most in requirements.TRUST.items() for number in range(1, most + 1)}
    assert {key: where for key, where in proofs.items() if key not in states and key not in trust} == {}


def test_what_works_is_proved_and_what_is_not_built_is_not(states, proofs):
    assert [key for key, state in states.items() if state == "works" and key not in proofs] == []
    assert [key for key, state in states.items() if state == "not yet" and key in proofs] == []


def test_a_comment_and_a_docstring_name_what_their_test_proves():
    source = '''"""All of it (W1)."""
# --- more (W2-W4, Vi5) ---
def test_a():
    """W6: so."""
    assert True  # W7


def helper():
    """W8."""
    text = "W9"  # noqa: S10
'''
    found = [(name, key) for name, text in requirements.remarks(source) for key in requirements.ids_in(text)]
    assert sorted(found) == [
        ("", "Vi5"), ("", "W1"), ("", "W2"), ("", "W3"), ("", "W4"), ("", "W8"), ("test_a", "W6"), ("test_a", "W7"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["HAFEN-P3-01", "A-Z2-7", "B018", "W-1", "serial_B1", "W1000", "VW1"])
def test_what_only_looks_like_an_id_is_none(text):
    assert list(requirements.ids_in(text)) == []


def texts_of(folder: Path):
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and path.name not in FOREIGN
            and not requirements.SKIPPED & set(path.relative_to(folder).parts)
        ):
            try:
                yield path, path.read_text()
            except UnicodeDecodeError:
                continue


@pytest.mark.parametrize("folder", APPLICATION)
def test_the_application_names_no_requirement(folder):
    named = []
    for path, text in texts_of(requirements.ROOT / folder):
        for number, line in enumerate(text.splitlines(), 1):
            for product in PRODUCTS:
                line = line.replace(product, "")
            if found := list(requirements.ids_in(requirements.NOQA.sub("", line))):
                named.append(f"{path.relative_to(requirements.ROOT)}:{number} {', '.join(found)}")
    assert named == []
