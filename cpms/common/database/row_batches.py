"""Read the rows of a query in batches by key, without holding all of them in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

import psycopg
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet
from psycopg.types.datetime import TimestamptzLoader

from cpms.common.database.prepared import among

KEYS_PER_QUERY, VALUES_PER_BATCH, ROWS_PER_BATCH = 50_000, 5_000, 1_000
Row = Sequence[Any]
Column = Sequence[Any]


def in_batches(rows: QuerySet[Any], fields: Sequence[str] = ()) -> Iterator[list[Any]]:
    """Yield all rows in their order, in batches of instances or of tuples of `fields`.

    Keys are read in large portions and rows by key, so that no cursor or transaction stays open during a download of
    minutes, which would keep the database from vacuuming.
    """
    order, batch_size = _order(rows), VALUES_PER_BATCH if fields else ROWS_PER_BATCH
    if order is None:
        found = (rows.values_list(*fields) if fields else rows).iterator(batch_size)
        yield from iter(lambda: list(islice(found, batch_size)), [])
        return
    wanted = (rows.filter(among("pk", keys)) for keys in _keys(rows.order_by(*order), order, batch_size))
    if not fields:
        yield from map(list, wanted)
    elif connection.vendor == "postgresql":
        yield from _read_ahead(part.values_list(*fields) for part in wanted)
    else:
        yield from (_values(part.values_list(*fields)) for part in wanted)


def _keys(rows: QuerySet[Any], order: Sequence[str], batch_size: int) -> Iterator[list[Any]]:
    names = [name.lstrip("-") for name in order]
    after: Row | None = None
    while True:
        left = rows if after is None else rows.filter(_after_key(order, after))
        keys = _values(left.values_list(*names)[:KEYS_PER_QUERY])
        for first in range(0, len(keys), batch_size):
            yield [key[-1] for key in keys[first : first + batch_size]]
        if len(keys) < KEYS_PER_QUERY:
            return
        after = keys[-1]


def _values(rows: QuerySet[Any]) -> list[Row]:
    if connection.vendor != "postgresql":
        return list(rows)
    try:
        return _Reader(rows).read()
    except EmptyResultSet:  # the conditions can match no rows
        return []


def _read_ahead(wanted: Iterable[QuerySet[Any]]) -> Iterator[list[Row]]:
    """Yield the results of several `values_list`, reading the next one while the caller processes the previous one."""
    with ThreadPoolExecutor(1, thread_name_prefix="export") as thread:
        before: Future[list[Row]] | None = None
        for rows in wanted:
            reading = thread.submit(_Reader(rows).read)
            if before is not None:
                yield before.result()
            before = reading
        if before is not None:
            yield before.result()


class _Reader:
    """Reads a `values_list` without Django's conversion of times, which takes half of the total time.

    Create it in the thread that owns the connection; it may read in another one.
    """

    def __init__(self, rows: QuerySet[Any]) -> None:
        connection.ensure_connection()
        compiler = rows.query.get_compiler(connection=connection)
        self.statement, self.parameters = compiler.as_sql()
        self.converters = compiler.get_converters([selected[0] for selected in compiler.select])
        self.link = connection.connection

    def read(self) -> list[Row]:
        with psycopg.Cursor(self.link) as cursor:
            cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
            found: list[Row] = cursor.execute(self.statement, self.parameters).fetchall()
        if not found or not self.converters:
            return found
        columns: list[Column] = list(zip(*found, strict=True))
        for place, (functions, expression) in self.converters.items():
            for convert in functions:
                change = partial(_converted, convert, expression)
                columns[place] = mapped(change, columns[place])
        return list(zip(*columns, strict=True))


def _converted(convert: Callable[..., Any], expression: Any, value: Any) -> Any:
    return convert(value, expression, connection)


def mapped(change: Callable[[Any], Any], values: Column) -> Column:
    """Apply `change` to all values. Repeated texts are converted once."""
    if set(map(type, values)) == {str} and len(texts := set(values)) < len(values) / 4:
        changed = {text: change(text) for text in texts}
        return [changed[value] for value in values]
    return list(map(change, values))


def _order(rows: QuerySet[Any]) -> list[str] | None:
    """Return the columns that rows are ordered by, ending with the key, or None if not all are columns of the table."""
    if rows.query.group_by or any(what.contains_over_clause for what in rows.query.annotations.values()):
        return None  # a result combines several rows
    order = [str(name) for name in rows.query.order_by or rows.model._meta.ordering]
    own = {"pk": rows.model._meta.pk} | {field.name: field for field in rows.model._meta.concrete_fields}
    for name in order:
        field = own.get(name.lstrip("-"))
        if field is None or field.null or field.is_relation:
            return None
    columns = [name for name in order if name.lstrip("-") not in ("pk", rows.model._meta.pk.name)]
    last = next((name for name in order if name not in columns), "-pk")
    return [*columns, "-pk" if last.startswith("-") else "pk"]


def _after_key(order: Sequence[str], key: Row) -> Q:
    """Return the condition for rows after this key, in a form that can use an index on the first column."""
    found = Q()
    for place in range(len(order) - 1, -1, -1):
        name, value = order[place].lstrip("-"), key[place]
        compare = "lt" if order[place].startswith("-") else "gt"
        beyond = Q(**{f"{name}__{compare}": value})
        found = beyond | Q(**{name: value}) & found if found else beyond
    first = order[0].lstrip("-")
    return Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": key[0]}) & found
