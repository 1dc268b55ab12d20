"""`make check`: handling of known vulnerabilities in packages, and messages before anything is installed."""

import pytest

from tools import audit, packages

GOOD = {"name": "django", "version": "5.2.8", "vulns": []}
BAD = {"name": "django", "version": "5.2.7", "vulns": [{"id": "PYSEC-1", "fix_versions": ["5.2.8"]}]}
UNKNOWN = {"name": "django", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("found", "code", "line"),
    [
        ([GOOD], 0, ""),
        ([GOOD, BAD], 1, "django 5.2.7: PYSEC-1, fixed in 5.2.8"),
        ([BAD, UNKNOWN], 1, "django 5.2.7: PYSEC-1, fixed in 5.2.8"),
        ([GOOD, UNKNOWN], 0, "NOTE: packages were not checked"),
    ],
)
def test_a_vulnerability_fails_and_a_service_without_answers_is_said(found, code, line, capsys):
    assert audit.report(found) == code
    assert capsys.readouterr().out.startswith(line)


def test_a_service_out_of_reach_does_not_fail(monkeypatch, capsys):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert audit.main() == 0
    assert capsys.readouterr().out == (
        "NOTE: packages were not checked for known vulnerabilities: the service is unavailable.\n"
    )


def test_what_is_going_to_be_installed_is_said_before(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    monkeypatch.setattr(packages, "redis_server", lambda: None)
    for name in ("pyproject.toml", "uv.lock", "tools/lint/package-lock.json", "tests/clients/package-lock.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    packages.announce(("redis",))
    assert capsys.readouterr().out.splitlines() == [
        "This is going to be installed:",
        "  on this machine, with apt-get: redis-server",
        "  in this folder: the Python packages of uv.lock, into .venv",
        "  in this folder: the npm packages of tools/lint",
        "  in this folder: the npm packages of tests/clients",
    ]
