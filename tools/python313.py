"""Run the in-process tests on Python 3.13 in a separate environment, or print a note if it is not installed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = str(Path(sys.executable).parent / "uv")
VERSION = "3.13"
ENVIRONMENT = ROOT / ".venv313"


def find_interpreter() -> str | None:
    """Return the path of an installed interpreter. uv finds those of pyenv and of Debian."""
    command = [UV, "python", "find", "--no-python-downloads", "--no-project", VERSION]
    candidates = [os.environ, os.environ | {"PATH": os.defpath}]  # a pyenv shim in PATH may stop uv's search
    for env in candidates:
        done = subprocess.run(command, env={**env}, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return next((str(path) for path in versions.glob(f"{VERSION}.*/bin/python{VERSION}")), None)


def main(pytest_arguments: list[str]) -> int:
    interpreter = find_interpreter()
    if interpreter is None:
        print(f"NOT RUN: there is no Python {VERSION} on this machine, and uv could only download one from GitHub.")
        return 0
    print(f"Python {VERSION}: {interpreter}; its packages are in {ENVIRONMENT.name}.", flush=True)
    env = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    env["UV_PROJECT_ENVIRONMENT"] = str(ENVIRONMENT)
    sync = ["sync", "-q", "--frozen", "--no-default-groups", "--group", "test", "--compile-bytecode"]
    subprocess.run([UV, *sync, "--python", interpreter], cwd=ROOT, env=env, check=True)
    python = str(ENVIRONMENT / "bin" / "python")
    command = [python, "tools/services.py", "run", python, "tools/suite.py", "--only", "in-process", *pytest_arguments]
    return subprocess.run(command, cwd=ROOT, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
