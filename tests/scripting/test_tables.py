"""Who needs tables makes them once, and leaves an old database to `migrate`."""

import pytest
from django.db import connection

from cpms.common import scripting
from cpms.common.errors import DomainError
from cpms.common.scripting import numbered
from cpms.common.text.safety import is_storable


def test_numbers_are_put_where_they_belong():
    assert numbered("S{n}-{n:04d}", 2) == ["S1-0001", "S2-0002"]
    assert numbered("{n:3d}", 1) == ["001"]
    assert numbered("{n.__class__}{0}", 1) == ["{n.__class__}{0}"]


def test_an_old_database_is_not_migrated_by_accident(db, monkeypatch):
    monkeypatch.setattr(scripting, "TABLES_SECONDS", 0)
    monkeypatch.setattr(scripting, "_missing_tables", lambda: {"some_new_table"})
    monkeypatch.setattr(scripting, "call_command", lambda *words, **options: pytest.fail("it migrated"))
    with pytest.raises(DomainError, match="migrate"):
        scripting.ensure_tables()


def test_the_lock_of_the_tables_is_given_back(transactional_db):
    for _ in range(2):
        with scripting._migration_lock():
            pass
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert cursor.fetchone()[0] == 0


@pytest.mark.parametrize("value", ["a\0", "\ud83d", {"\0": 1}, {"a": ["\udc00"]}])
def test_what_no_database_can_keep_is_found(value):
    assert not is_storable(value)


def test_what_is_absurdly_deep_is_found():
    deep = []
    for _ in range(100):
        deep = [deep]
    assert not is_storable(deep)
    assert is_storable({"a": [1, None, 2.5, True, "ä😀"]})
