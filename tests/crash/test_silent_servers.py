"""An acknowledged message is stored exactly once, even if servers are silent and answers are lost."""

import random

import pytest

from tests.crash import faults
from tests.crash.judging import check_run
from tests.crash.run import Scenario

pytestmark = [pytest.mark.crash, pytest.mark.processes]


def test_nothing_is_lost_or_stored_twice_when_servers_fall_silent_and_stations_hop_between_gateways(folder):
    kinds = [faults.GATEWAY, faults.WORKER, faults.ALL_KILLED, faults.LOST_COMMITS, faults.LOST_COMMITS]
    kinds += [faults.SILENT_DATABASE, faults.SILENT_REDIS, faults.FULL_REDIS]
    check_run(folder, Scenario("silence and lost answers, two gateways", 30, 2, random.randrange(10**6)), kinds)
