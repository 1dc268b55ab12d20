"""A message that was acknowledged is stored exactly once, whichever part of a stack is killed meanwhile."""

import random

import pytest

from tests.crash import faults
from tests.crash.judging import judge, may_mount
from tests.crash.run import Shape

pytestmark = [pytest.mark.crash, pytest.mark.processes]


def test_nothing_is_lost_or_doubled_when_parts_are_killed(folder):
    kinds = [faults.GATEWAY, faults.WORKER, faults.REDIS, faults.POSTGRES] * 2 + [faults.BACK_END]
    shape = Shape("kills, one gateway", 30, 1, random.randrange(10**6))
    if may_mount(folder.parent):
        shape.volume_megabytes = 400
        kinds.append(faults.FULL_DISK)
    judge(folder, shape, kinds)
