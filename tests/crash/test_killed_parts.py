"""An acknowledged message is stored exactly once, whichever part of the stack is killed."""

import random

import pytest

from tests.crash import faults
from tests.crash.judging import can_mount, check_run
from tests.crash.run import Scenario

pytestmark = [pytest.mark.crash, pytest.mark.processes]


def test_nothing_is_lost_or_stored_twice_when_parts_are_killed(folder):
    kinds = [faults.GATEWAY, faults.WORKER, faults.REDIS, faults.POSTGRES] * 2 + [faults.BACKEND]
    scenario = Scenario("kills, one gateway", 30, 1, random.randrange(10**6))
    if can_mount(folder.parent):
        scenario.volume_megabytes = 400
        kinds.append(faults.FULL_DISK)
    check_run(folder, scenario, kinds)
