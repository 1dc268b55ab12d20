"""A database with two open sessions on one connector, as versions before this rule allowed them, goes on."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.processes
FILL = """
from datetime import datetime, timedelta, UTC
from tests import factories
noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
station = factories.StationFactory()
for number, hours, register in ((1, 0, 1500), (1, 2, 2500), (1, 1, None), (2, 0, None), (0, 0, None), (0, 1, None)):
    at = noon + timedelta(hours=hours)
    factories.SessionFactory(station=station, connector_number=number, started_at=at, start_received_at=at,
                             meter_start_wh=1000, last_register_wh=register, stopped_at=None, last_sample_at=None)
"""
SHOW = """
import json
from sessions.models import ChargingSession
columns = "connector_number", "started_at__hour", "closed_by", "meter_stop_wh", "has_flags"
rows = ChargingSession.objects.order_by("connector_number", "started_at").values_list(*columns)
print(json.dumps([list(row) for row in rows]))
"""


def test_all_but_the_newest_are_closed_with_their_last_reading(tmp_path):
    env = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/old.sqlite3"}

    def manage(*words):
        command = [sys.executable, "manage.py", *words, "-v", "0"]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=env, check=True, capture_output=True, text=True)
        return done.stdout

    manage("migrate", "charging_sessions", "0002")
    manage("migrate", "chargers")  # as the factories know it; with it goes all that it needs
    manage("shell", "-c", FILL)
    manage("migrate")
    assert json.loads(manage("shell", "-c", SHOW)) == [
        [0, 12, "", None, False],
        [0, 13, "", None, False],
        [1, 12, "superseded", 1500, True],
        [1, 13, "superseded", 1000, True],
        [1, 14, "", None, False],
        [2, 12, "", None, False],
    ]
