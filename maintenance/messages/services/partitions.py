"""Create the daily partitions of the message log ahead of time, and drop old ones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from maintenance.messages.models import Message

DAYS_AHEAD = 3
TABLE = "maintenance_message"
PARTITION_LOCK_ID = 727_401_001  # advisory lock, because two gateways may start at the same time


def partition_name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def prepare_partitions(today: date | None = None) -> list[str]:
    """Create the missing partitions of today and the next days (PostgreSQL only).

    A day that already has rows in the default partition stays there, because a new partition would need them moved.

    Returns:
        The names of the created partitions.
    """
    if connection.vendor != "postgresql":
        return []
    first = today or timezone.now().date()
    created = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK_ID])
        for number in range(DAYS_AHEAD + 1):
            day = first + timedelta(days=number)
            name, start = partition_name(day), datetime(day.year, day.month, day.day, tzinfo=UTC)
            cursor.execute("SELECT to_regclass(%s)", [name])
            if cursor.fetchone()[0] is not None:
                continue
            end = start + timedelta(days=1)
            cursor.execute(
                f"SELECT EXISTS (SELECT 1 FROM {TABLE}_default WHERE received_at >= %s AND received_at < %s)",  # noqa: S608
                [start, end],
            )
            if cursor.fetchone()[0]:
                continue
            # DDL takes no parameters; both values are our own timestamps
            cursor.execute(f"CREATE TABLE {name} PARTITION OF {TABLE} FOR VALUES FROM ('{start}') TO ('{end}')")
            created.append(name)
    return created


def drop_old_messages() -> int:
    """Delete messages older than MESSAGE_RETENTION_DAYS. Return the number of dropped partitions or deleted rows."""
    limit = timezone.now() - timedelta(days=settings.MESSAGE_RETENTION_DAYS)
    if connection.vendor != "postgresql":
        return int(Message.objects.filter(received_at__lt=limit).delete()[0])
    dropped = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf", [TABLE])
        for (name,) in cursor.fetchall():
            found = re.fullmatch(rf"{TABLE}_(\d{{8}})", name)
            if found and datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1) < limit:
                cursor.execute(f"DROP TABLE {name}")
                dropped += 1
        cursor.execute(f"DELETE FROM {TABLE}_default WHERE received_at < %s", [limit])  # noqa: S608
    return dropped
