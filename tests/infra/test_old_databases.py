"""Databases whose tables were made in single steps, before these became one."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from cpms.common.old_databases import LAST_STEPS, OLD_STEP


@pytest.fixture
def steps(db):
    return MigrationRecorder(connection)


def test_one_that_took_all_steps_goes_on(steps):
    for step in {OLD_STEP, *LAST_STEPS}:
        steps.record_applied(*step)
    call_command("migrate", verbosity=0)


@pytest.mark.parametrize("missing", sorted(LAST_STEPS))
def test_one_that_did_not_is_sent_back(steps, missing):
    for step in {OLD_STEP, *LAST_STEPS} - {missing}:
        steps.record_applied(*step)
    with pytest.raises(CommandError, match="too old"):
        call_command("migrate", verbosity=0)
