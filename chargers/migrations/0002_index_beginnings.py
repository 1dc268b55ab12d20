"""On PostgreSQL an index finds names by how they begin, in any case; SQLite reads its few rows."""

from django.db import migrations

from cpms.common.database.on_postgres import OnPostgres

NAMES = {
    "chargers_chargingstation": ["identity", "name", "serial_number"],
    "chargers_tag": ["value", "label"],
    "chargers_installation": ["name", "city"],
}
INDEXES = [(f"{table}_{column}_begins", table, column) for table, columns in NAMES.items() for column in columns]
MAKE = [f"CREATE INDEX {index} ON {table} (UPPER({column}) text_pattern_ops)" for index, table, column in INDEXES]
DROP = [f"DROP INDEX IF EXISTS {index}" for index, _table, _column in INDEXES]


class Migration(migrations.Migration):
    dependencies = [("chargers", "0001_initial")]
    operations = [OnPostgres(MAKE, DROP)]
