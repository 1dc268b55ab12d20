"""What is looked for by how it begins, whatever its case, is found by an index (PostgreSQL; SQLite reads its few rows)."""

from django.db import migrations

INDEXES = [
    ("chargers_chargingstation", "identity"),
    ("chargers_chargingstation", "name"),
    ("chargers_chargingstation", "serial_number"),
    ("chargers_tag", "value"),
    ("chargers_tag", "label"),
    ("chargers_installation", "name"),
    ("chargers_installation", "city"),
]


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, column in INDEXES:
            name = f"{table}_{column}_begins"
            schema_editor.execute(f"CREATE INDEX {name} ON {table} (UPPER({column}) text_pattern_ops)")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, column in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {table}_{column}_begins")


class Migration(migrations.Migration):
    dependencies = [("chargers", "0005_rights")]
    operations = [migrations.RunPython(make, drop)]
