"""Create the partitions of the message log ahead of time, and drop old days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from maintenance.messages.models import Message

DAYS_AHEAD = 3


TABLE = "maintenance_message"


ONE_AT_A_TIME = 727_401_001  # advisory lock: two gateways that start together


def partition_name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def prepare_partitions(today: date | None = None) -> list[str]:
    """Make the message log's partitions of today and the next days, where they are missing (PostgreSQL only).

    A day that already has rows in the default partition is left there: creating it would have to move them.
    """
    if connection.vendor != "postgresql":
        return []
    first = today or timezone.now().date()
    made = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        for number in range(DAYS_AHEAD + 1):
            day = first + timedelta(days=number)
            name, begin = partition_name(day), datetime(day.year, day.month, day.day, tzinfo=UTC)
            cursor.execute("SELECT to_regclass(%s)", [name])
            if cursor.fetchone()[0] is not None:
                continue
            end = begin + timedelta(days=1)
            cursor.execute(
                f"SELECT EXISTS (SELECT 1 FROM {TABLE}_default WHERE received_at >= %s AND received_at < %s)",  # noqa: S608
                [begin, end],
            )
            if cursor.fetchone()[0]:
                continue
            # DDL takes no parameters; both are times we made
            cursor.execute(f"CREATE TABLE {name} PARTITION OF {TABLE} FOR VALUES FROM ('{begin}') TO ('{end}')")
            made.append(name)
    return made


def drop_old_messages() -> int:
    """Forget raw messages older than MESSAGE_RETENTION_DAYS. Returns how many partitions or rows went."""
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
