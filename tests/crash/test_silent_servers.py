"""A message that was acknowledged is stored exactly once, also when servers fall silent and answers are lost."""

import random

import pytest

from tests.crash import faults
from tests.crash.judging import judge
from tests.crash.run import Shape

pytestmark = [pytest.mark.crash, pytest.mark.processes]


def test_nothing_is_lost_or_doubled_when_servers_fall_silent_and_stations_hop_between_gateways(folder):
    kinds = [faults.GATEWAY, faults.WORKER, faults.ALL_KILLED, faults.LOST_COMMITS, faults.LOST_COMMITS]
    kinds += [faults.DARK_DATABASE, faults.DARK_REDIS, faults.FULL_REDIS]
    judge(folder, Shape("silence and lost answers, two gateways", 30, 2, random.randrange(10**6)), kinds)
