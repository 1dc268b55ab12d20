"""What the crash tests share: the judgement of a run."""

import os
import subprocess
from pathlib import Path

from tests.crash.faults import shuffled
from tests.crash.run import Shape, crash, write_down


def may_mount(folder: Path) -> bool:
    """Whether PostgreSQL can have a disk of its own: that takes root, and a machine that lets root mount."""
    place = folder / "try"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    is_mounted = os.geteuid() == 0 and subprocess.run(words, capture_output=True).returncode == 0
    if is_mounted:
        subprocess.run(["umount", str(place)], check=True)
    return is_mounted


def judge(folder: Path, shape: Shape, kinds: list[str]) -> None:
    """Run the faults in a random order, and fail when anything was lost, doubled or wrong."""
    outcome = crash(folder, shape, lambda chance: shuffled(kinds, chance))
    write_down(outcome)
    assert outcome.verdict.is_clean, outcome.text()
