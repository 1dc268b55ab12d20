"""Databases of before 27 November 2026, when the steps that had made the tables by then became one.

What a step is called is kept in the database, so the one that replaces others has the name of the first of them: a
database that had taken all steps goes on as it is, and one that had not is sent back to take them.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

LAST_STEPS = {
    ("accounts", "0015_token_scopes"),
    ("chargers", "0010_hand_over_stations"),
    ("charging_sessions", "0003_index_lists"),
    ("maintenance", "0008_notification_choices"),
    ("operations", "0002_index_lists"),
    ("portal", "0002_let_languages_grow"),
}
LAST_COMMIT = "cce0ebe"  # with the single steps
OLD_STEP = ("accounts", "0002_station_passwords")


def refuse_halfway(sender: Any, using: str, **facts: Any) -> None:
    """For the signal before `migrate`.

    Raises:
        CommandError: steps are missing that are no longer here.
    """
    taken = set(MigrationRecorder(connections[using]).applied_migrations())
    if OLD_STEP in taken and not taken >= LAST_STEPS:
        raise CommandError(
            _("The database is too old: migrate it with version %(version)s first, then with this one.")
            % {"version": LAST_COMMIT}
        )
