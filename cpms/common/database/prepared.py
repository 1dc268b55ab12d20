"""Queries of the gateway that are compiled once.

The ORM compiles a query at each use, which takes several times as long as PostgreSQL needs to run it. The gateway and
the drain use the same few queries all the time, so their SQL is cached, per thread since a compiler belongs to the
thread's connection. As the text is the same each time, PostgreSQL also plans it only once.
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
    """A placeholder in a compiled query for a value that is given at each use."""

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
    """Return the condition that a field is one of many integers, which are passed as a single parameter.

    Args:
        field: name of an integer field; a foreign key with its `_id`.
        values: a named value of a prepared query, given as a collection at each use; or the collection itself.
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
        self.json_indexes = {
            place
            for place, (_converters, expression) in self.converters
            if isinstance(expression.output_field, JSONField)
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
        return [self._build_row(row) for row in rows]

    def _build_row(self, row: tuple[Any, ...]) -> Any:
        values = list(row[: len(self.fields)])
        for place, (converters, expression) in self.converters:
            if place in self.json_indexes and values[place] in EMPTY_JSON:  # most rows: saves the parser
                values[place] = EMPTY_JSON[values[place]]()
                continue
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        if self.model is None:
            return tuple(values)
        instance = self.model.from_db(connection.alias, self.names, values[self.own])
        for populator in self.related:
            populator.populate(values, instance)
        for name, place in self.annotations:
            setattr(instance, name, values[place])
        return instance


class Prepared(Generic[Row]):
    """A query with named values.

    Args:
        build: returns the queryset for its values, which are expressions; called once per thread. Results are the same
            as the ORM's: model instances (with `select_related` and annotations) or tuples of `values_list`.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Row]]) -> None:
        self._build = build
        self._names = list(inspect.signature(build).parameters)
        self._local = threading.local()

    def __call__(self, **values: Any) -> list[Row]:
        """Run the query with a value for each name. A value must not be None, which equals nothing in SQL.

        Raises:
            TypeError: the query changes a value before binding it, as `iexact` does on SQLite.
            KeyError: a value is missing.
        """
        compiled = getattr(self._local, "compiled", None)
        if compiled is None:
            slots = {name: Value(_Slot(name)) for name in self._names}
            compiled = self._local.compiled = _Compiled(self._build(**slots), set(self._names))
        return compiled.rows(values)

    def first(self, **values: Any) -> Row | None:
        """Run the query and return the first row, or None."""
        rows = self(**values)
        return rows[0] if rows else None
