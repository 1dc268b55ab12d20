"""Helpers of the crash tests: run a scenario and check its outcome."""

import os
import subprocess
from pathlib import Path

from tests.crash.faults import shuffled
from tests.crash.run import Scenario, report, run_scenario


def can_mount(folder: Path) -> bool:
    """Return whether PostgreSQL can get a disk of its own: this needs root and a machine that allows mounts."""
    mount_point = folder / "try"
    mount_point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount_point)]
    is_mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    if is_mounted:
        subprocess.run(["umount", str(mount_point)], check=True)
    return is_mounted


def check_run(folder: Path, scenario: Scenario, kinds: list[str]) -> None:
    """Inject the faults in random order; fail if anything was lost, stored twice or wrong."""
    outcome = run_scenario(folder, scenario, lambda rng: shuffled(kinds, rng))
    report(outcome)
    assert outcome.verdict.is_clean, outcome.text()
