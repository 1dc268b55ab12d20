"""Indexes are built concurrently, while other connections keep writing."""

from datetime import UTC, datetime

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from cpms.common.database.indexes import BuildIndex
from maintenance.models import Message
from tests import factories


@pytest.fixture
def build():
    """Return a function that adds an index as a migration does. The index is removed after the test."""
    built = []

    def run(app: str, model: str, index: models.Index) -> BuildIndex:
        operation = BuildIndex(model, index)
        before = ProjectState.from_apps(_apps())
        after = before.clone()
        operation.state_forwards(app, after)
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards(app, editor, before, after)
        built.append((app, model, index))
        return operation

    yield run
    for app, model, index in {id(each[2]): each for each in built}.values():
        with connection.schema_editor(atomic=False) as editor:
            editor.remove_index(_apps().get_model(app, model), index)


def _apps():
    from django.apps import apps

    return apps


def is_valid(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        found = cursor.fetchone()
    return bool(found and found[0])


only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time.")


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_partitioned_table_gets_it_on_every_partition(build, station):
    factories.MessageFactory(station=station, received_at=datetime(2020, 1, 1, tzinfo=UTC))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE maintenance_message_20200202 PARTITION OF maintenance_message "
            "FOR VALUES FROM ('2020-02-02') TO ('2020-02-03')"
        )
    try:
        index = models.Index(fields=["epoch"], condition=models.Q(epoch__gt=5), name="trial_index")
        build("maintenance", "message", index)
        assert is_valid("trial_index")
        assert is_valid("maintenance_message_20200202_trial_index")
        assert is_valid("maintenance_message_default_trial_index")
        build("maintenance", "message", index)  # repeated, as after an interruption
        assert Message.objects.filter(epoch__gt=5).count() == 0
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE maintenance_message_20200202")


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_one_that_was_broken_off_is_built_anew(build, station):
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX trial_index ON operations_command (message_id)")
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'trial_index'::regclass")
    build("operations", "command", models.Index(fields=["sent_at"], name="trial_index"))
    assert is_valid("trial_index")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef('trial_index'::regclass)")
        assert "sent_at" in cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_a_statement_may_take_long_while_it_is_built_and_not_afterwards(build, station):
    def timeout() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout" if connection.vendor == "postgresql" else "SELECT ''")
            return str(cursor.fetchone()[0])

    before = timeout()
    operation = build("operations", "command", models.Index(fields=["sent_at"], name="trial_index"))
    assert timeout() == before
    assert isinstance(operation, migrations.AddIndex)
