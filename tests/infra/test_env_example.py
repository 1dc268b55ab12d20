""".env.example lists exactly the settings that are read."""

import ast
import re
from pathlib import Path

from tools.stack import known_settings

ROOT = Path(__file__).resolve().parent.parent.parent
READERS = {"text", "flag", "whole", "number", "word_list", "choice", "url"}


def names_read() -> set[str]:
    found = set()
    for path in (ROOT / "cpms" / "settings").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "env":
                    name = node.args[0]
                    assert isinstance(name, ast.Constant), f"{path.name}:{node.lineno} reads a name that is not plain"
                    found.add(str(name.value))
    return found


def test_it_names_every_setting_and_no_other():
    names = known_settings()
    assert len(names) == len(set(names))
    assert set(names) == names_read()


def test_nothing_else_reads_the_environment():
    """Only `cpms/settings/` reads it; commands and tools may set it for processes they start."""
    reads = re.compile(r"os\.environ(\[|\.get)|os\.getenv")
    apps = ("cpms", "accounts", "chargers", "sessions", "operations", "maintenance", "ocpp_gateway")
    files = [path for app in apps for path in (ROOT / app).rglob("*.py") if path.parent.name != "settings"]
    assert [str(path.relative_to(ROOT)) for path in files if reads.search(path.read_text())] == []


def test_every_setting_is_explained():
    lines = (ROOT / ".env.example").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#[A-Z_]+=", line):
            assert lines[number - 1].startswith(("# ", "#OCPP_")), f"{line} has no line above that says what it is"
