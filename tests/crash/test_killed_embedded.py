"""A message that was acknowledged is stored exactly once, also when the one process of the embedded mode is killed."""

import random

import pytest

from tests.crash import faults
from tests.crash.judging import judge
from tests.crash.run import Shape

pytestmark = [pytest.mark.crash, pytest.mark.processes]


def test_nothing_is_lost_or_doubled_when_the_embedded_process_is_killed(folder):
    shape = Shape("kills, embedded", 15, 1, random.randrange(10**6), is_embedded=True)
    judge(folder, shape, [faults.GATEWAY] * 3)
