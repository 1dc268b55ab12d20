"""The employee number moved from the person to each membership, and nothing was lost."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.processes
FILL = """
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
old = MigrationExecutor(connection).loader.project_state([("accounts", "0013_add_sign_in_alarms")]).apps
person = old.get_model("accounts", "User").objects.create(email="ada@example.org", employee_number="E-77")
for handle in ("one", "two"):
    team = old.get_model("accounts", "Team").objects.create(handle=handle, name=handle)
    old.get_model("accounts", "Membership").objects.create(team=team, user=person)
"""
SHOW = """
import json
from accounts.models import Membership
print(json.dumps(list(Membership.objects.order_by("team").values_list("team__handle", "employee_number"))))
"""


def test_the_migration_moves_employee_numbers_to_all_memberships(tmp_path):
    env = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/old.sqlite3"}

    def manage(*words):
        command = [sys.executable, "manage.py", *words, "-v", "0"]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=env, check=True, capture_output=True, text=True)
        return done.stdout

    manage("migrate", "accounts", "0013")
    manage("shell", "-c", FILL)
    manage("migrate")
    assert json.loads(manage("shell", "-c", SHOW)) == [["one", "E-77"], ["two", "E-77"]]
