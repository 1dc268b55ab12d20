"""A message that was acknowledged is stored exactly once, whatever dies meanwhile."""

import os
import random
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.crash import faults
from tests.crash.faults import shuffled
from tests.crash.run import Shape, crash, write_down

pytestmark = [pytest.mark.crash, pytest.mark.processes]


@pytest.fixture
def folder():
    """Not below pytest's own folder: every session that starts closes that to PostgreSQL's user again."""
    with tempfile.TemporaryDirectory(prefix="cpms-crash-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name) / "var"


def may_mount(folder) -> bool:
    """A disk of its own for PostgreSQL takes root, and a machine that lets root mount."""
    place = folder / "try"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    is_mounted = os.geteuid() == 0 and subprocess.run(words, capture_output=True).returncode == 0
    if is_mounted:
        subprocess.run(["umount", str(place)], check=True)
    return is_mounted


def judge(folder, shape: Shape, kinds: list[str]) -> None:
    outcome = crash(folder, shape, lambda chance: shuffled(kinds, chance))
    write_down(outcome)
    assert outcome.verdict.is_clean, outcome.text()


def test_nothing_is_lost_or_doubled_when_parts_are_killed(folder):
    kinds = [faults.GATEWAY, faults.WORKER, faults.REDIS, faults.POSTGRES] * 2 + [faults.BACK_END]
    shape = Shape("kills, one gateway", 30, 1, random.randrange(10**6))
    if may_mount(folder.parent):
        shape.volume_megabytes = 400
        kinds.append(faults.FULL_DISK)
    judge(folder, shape, kinds)


def test_nothing_is_lost_or_doubled_when_servers_fall_silent_and_stations_hop_between_gateways(folder):
    kinds = [faults.GATEWAY, faults.WORKER, faults.ALL_KILLED, faults.LOST_COMMITS, faults.LOST_COMMITS]
    kinds += [faults.DARK_DATABASE, faults.DARK_REDIS, faults.FULL_REDIS]
    judge(folder, Shape("silence and lost answers, two gateways", 30, 2, random.randrange(10**6)), kinds)


def test_nothing_is_lost_or_doubled_when_the_embedded_process_is_killed(folder):
    shape = Shape("kills, embedded", 15, 1, random.randrange(10**6), is_embedded=True)
    judge(folder, shape, [faults.GATEWAY] * 3)
