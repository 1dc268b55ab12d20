"""Queries of the gateway, compiled once.

The ORM compiles a query each time it is used, which takes several times as long as PostgreSQL takes to answer it. The
gateway and the drain ask the same few questions all the time, so their SQL is kept, per thread since compilers belong
to a thread's connection; and being the same text each time, PostgreSQL plans it once.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import BooleanField, F, Func, JSONField, QuerySet, Value
from django.db.models.query import get_related_populators

from cpms.common.database.batches import adapt, array

Row = TypeVar("Row")
EMPTY_JSON: dict[Any, Callable[[], Any]] = {"{}": dict, "[]": list}


class _Slot:
    """Stands in a compiled query for a value that is given at each use."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Among(Func):
    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s::bigint[])", arg_joiner=" = ANY(")

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template, joiner = "%(expressions)s))", " IN (SELECT value FROM json_each("
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner)


def among(field: str, values: Any) -> Any:
    """A condition: the field is one of many whole numbers, which are one parameter however many they are.

    Args:
        field: a whole number; a foreign key with its `_id`.
        values: a value of a prepared query, which is given as a collection; or the collection itself.
    """
    return _Among(F(field), Value(_bound(values)) if isinstance(values, list) else values)


def _bound(value: Any) -> Any:
    if isinstance(value, (list, set, frozenset, tuple, dict)):
        numbers = array(value)
        return numbers if connection.vendor == "postgresql" else f"[{numbers[1:-1]}]"
    return adapt(value)


class _Compiled:
    def __init__(self, queryset: QuerySet[Any], names: set[str]) -> None:
        self.compiler = queryset.query.get_compiler(connection=connection)
        sql, self.parameters = self.compiler.as_sql()
        self.sql: str = sql
        if missing := names - {each.name for each in self.parameters if isinstance(each, _Slot)}:
            raise TypeError(
                f"The query changes these values before they are bound, so it cannot be prepared: {missing}"
            )
        self.fields = [selected[0] for selected in self.compiler.select]
        converters = self.compiler.get_converters(self.fields)
        self.converters = list(converters.items())
        self.json_places = {
            place for place, (_made, expression) in self.converters if isinstance(expression.output_field, JSONField)
        }
        klass = self.compiler.klass_info
        self.model = None if queryset.query.values_select or klass is None else klass["model"]
        if self.model is not None and klass is not None:
            first, last = klass["select_fields"][0], klass["select_fields"][-1] + 1
            self.own = slice(first, last)
            self.names = [selected.target.attname for selected in self.fields[first:last]]
            self.related = get_related_populators(klass, self.compiler.select, connection.alias)  # type: ignore[call-arg]
            self.annotations = list((self.compiler.annotation_col_map or {}).items())

    def rows(self, values: dict[str, Any]) -> list[Any]:
        parameters = [_bound(values[each.name]) if isinstance(each, _Slot) else each for each in self.parameters]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            rows = cursor.fetchall()
        if self.model is None and not self.converters:
            return rows
        return [self._made(row) for row in rows]

    def _made(self, row: tuple[Any, ...]) -> Any:
        values = list(row[: len(self.fields)])
        for place, (converters, expression) in self.converters:
            if place in self.json_places and values[place] in EMPTY_JSON:  # as of most rows: not worth a parser
                values[place] = EMPTY_JSON[values[place]]()
                continue
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        if self.model is None:
            return tuple(values)
        made = self.model.from_db(connection.alias, self.names, values[self.own])
        for populator in self.related:
            populator.populate(values, made)
        for name, place in self.annotations:
            setattr(made, name, values[place])
        return made


class Prepared(Generic[Row]):
    """A query with named values.

    Args:
        build: makes the queryset from its values, as expressions; it is called once per thread. Model instances (with
            `select_related` and annotations) and `values_list` are given back as the ORM does.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]]) -> None:
        self._build = build
        self._names = list(inspect.signature(build).parameters)
        self._local = threading.local()

    def __call__(self, **values: Any) -> list[Row]:
        """Ask, with a value for each name; none may be None, which equals nothing in SQL.

        Raises:
            TypeError: the query works on a value itself, as `iexact` does on SQLite.
            KeyError: a name is not given.
        """
        compiled = getattr(self._local, "compiled", None)
        if compiled is None:
            slots = {name: Value(_Slot(name)) for name in self._names}
            compiled = self._local.compiled = _Compiled(self._build(**slots), set(self._names))
        return compiled.rows(values)

    def first(self, **values: Any) -> Row | None:
        """The first row, or None."""
        rows = self(**values)
        return rows[0] if rows else None
