"""Inserts, updates and deletes of many rows.

On PostgreSQL each is one statement with array parameters, ten times faster than the ORM's bulk operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection

Columns = Mapping[str, str]  # column name -> PostgreSQL type


def adapt(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def insert_new_rows(
    table: str, columns: Columns, rows: Sequence[Sequence[Any]], returning: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Insert rows and skip those that would violate a unique constraint.

    Args:
        rows: values in the order of `columns`; JSON as text.
        returning: the columns to return of the inserted rows.
    """
    if not rows:
        return []
    names, back = ", ".join(columns), ", ".join(returning)
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        sql = (
            f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) "  # noqa: S608 - names are ours
            f"ON CONFLICT DO NOTHING RETURNING {back}"
        )
        with server_side_cursor() as cursor:
            return cursor.execute(sql, [array(column) for column in zip(*rows, strict=True)]).fetchall()
    placeholders = ", ".join(["%s"] * len(columns))
    sql = f"INSERT INTO {table} ({names}) VALUES ({placeholders}) ON CONFLICT DO NOTHING RETURNING {back}"  # noqa: S608
    fresh: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(sql, [adapt(value) for value in row])
            fresh.extend(cursor.fetchall())
    return fresh


def update_rows(table: str, columns: Columns, rows: Iterable[Sequence[Any]]) -> None:
    """Update rows by id.

    Args:
        columns: the columns to set with their types, without the id.
        rows: the id and then the values in the order of `columns`. Sort by id, so that two writers cannot deadlock.
    """
    values = list(rows)
    if not values:
        return
    if connection.vendor == "postgresql":
        names = ", ".join(["id", *columns])
        arrays = ", ".join(["%s::bigint[]", *(f"%s::{kind}[]" for kind in columns.values())])
        sets = ", ".join(f"{name} = fresh.{name}" for name in columns)
        sql = (
            f"UPDATE {table} AS old SET {sets} FROM unnest({arrays}) AS fresh ({names}) "  # noqa: S608
            "WHERE old.id = fresh.id"
        )
        with server_side_cursor() as cursor:
            cursor.execute(sql, [array(column) for column in zip(*values, strict=True)])
        return
    sets = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET {sets} WHERE id = %s",  # noqa: S608
            [[adapt(value) for value in (*row[1:], row[0])] for row in values],
        )


def delete_rows(table: str, key: str, values: Sequence[int]) -> None:
    """Delete rows by an integer column. No foreign key may refer to the table."""
    if connection.vendor == "postgresql":
        with server_side_cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE {key} = ANY(%s::bigint[])", [array(values)])  # noqa: S608
        return
    with connection.cursor() as cursor:
        cursor.executemany(f"DELETE FROM {table} WHERE {key} = %s", [[value] for value in values])  # noqa: S608


def array(values: Iterable[Any]) -> str:
    """Return PostgreSQL's text form of an array, for a parameter with a cast.

    psycopg escapes arrays with a regular expression, which for JSON text takes half the time of a whole batch.
    """
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    return str(value)


def server_side_cursor() -> psycopg.Cursor[Any]:
    """Return a cursor with server-side binding: faster with long arrays, and the statement can be prepared."""
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)
