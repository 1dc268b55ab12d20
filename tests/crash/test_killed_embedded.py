"""An acknowledged message is stored exactly once, even if the process of the embedded mode is killed."""

import random

import pytest

from tests.crash import faults
from tests.crash.judging import check_run
from tests.crash.run import Scenario

pytestmark = [pytest.mark.crash, pytest.mark.processes]


def test_nothing_is_lost_or_stored_twice_when_the_embedded_process_is_killed(folder):
    scenario = Scenario("kills, embedded", 15, 1, random.randrange(10**6), is_embedded=True)
    check_run(folder, scenario, [faults.GATEWAY] * 3)
