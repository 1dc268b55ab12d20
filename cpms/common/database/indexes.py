"""Creation of indexes on existing, possibly very large tables."""

from __future__ import annotations

from typing import Any

from django.db import migrations


class BuildIndex(migrations.AddIndex):
    """AddIndex that does not block writes (on PostgreSQL; the migration must set `atomic = False`).

    It can be repeated after an interruption. On a partitioned table, for which PostgreSQL has no concurrent build, the
    index is built partition by partition; partitions created in the meantime get it immediately.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        link = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(link.alias, model):
            return
        if link.vendor != "postgresql" or link.in_atomic_block:
            schema_editor.add_index(model, self.index)
            return
        with link.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET lock_timeout = 0")
            try:
                self._build(cursor, schema_editor, model)
            finally:
                cursor.execute("RESET statement_timeout")
                cursor.execute("RESET lock_timeout")

    def _build(self, cursor: Any, schema_editor: Any, model: Any) -> None:
        table, name = model._meta.db_table, self.index.name
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = %s::regclass", [table])
        is_partitioned = cursor.fetchone()[0] == "p"
        if not is_partitioned:
            if not _exists_and_is_valid(cursor, name):
                cursor.execute(str(self.index.create_sql(model, schema_editor, concurrently=True)))
            return
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is None:
            whole = str(self.index.create_sql(model, schema_editor))
            cursor.execute(whole.replace(f' ON "{table}" ', f' ON ONLY "{table}" ', 1))
        cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [name])
        definition = cursor.fetchone()[0]
        what = definition[definition.index(" USING ") :]
        cursor.execute(
            "SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf AND NOT EXISTS (SELECT 1 FROM "
            "pg_inherits JOIN pg_index ON indexrelid = inhrelid WHERE inhparent = %s::regclass AND indrelid = relid)",
            [table, name],
        )
        for (partition,) in cursor.fetchall():
            child = f"{partition}_{name}"[:63]
            if not _exists_and_is_valid(cursor, child):
                cursor.execute(f'CREATE INDEX CONCURRENTLY "{child}" ON {partition}{what}')
            cursor.execute(f'ALTER INDEX "{name}" ATTACH PARTITION "{child}"')


def _exists_and_is_valid(cursor: Any, name: str) -> bool:
    """Return whether the index exists and is valid. An index whose build was interrupted is dropped."""
    cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
    found = cursor.fetchone()
    if found is not None and not found[0]:
        cursor.execute(f'DROP INDEX CONCURRENTLY "{name}"')
    return found is not None and found[0]
