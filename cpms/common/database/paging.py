"""Pagination of big tables: the keys of a page are found first, mostly in an index alone, then joined to their rows.

The result is always the same as that of slicing the queryset. Querysets for which this is not certain are sliced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.functions import Cast
from django.db.models.query import ModelIterable

from cpms.common.models import OfStationsQuerySet

FEW_STATIONS = 50


def keys_if_few(stations: models.QuerySet[Any] | None) -> list[int] | None:
    """Return the keys of these stations if they are few. Return None if they are many or `stations` is None."""
    if stations is None:
        return None
    keys = list(stations.order_by().values_list("pk", flat=True)[: FEW_STATIONS + 1])
    return keys if len(keys) <= FEW_STATIONS else None


def of_stations(rows: models.QuerySet[Any], keys: Sequence[int]) -> models.QuerySet[Any]:
    """Filter rows by the keys of their stations.

    Few stations are selected through a subquery on the station table: `page_of` reads one station after the other, and
    an additional list of keys for the same column would make PostgreSQL underestimate the rows of each station.
    """
    if len(keys) > FEW_STATIONS:
        return rows.filter(station__in=keys)
    return rows.filter(station__in=_stations(rows).filter(pk__in=keys))


def filter_by_stations(rows: models.QuerySet[Any], stations: Sequence[int] | None) -> models.QuerySet[Any]:
    """Filter rows by a list of station keys, the fastest way to count or export them. None: do not filter."""
    return rows if stations is None else rows.filter(station__in=list(stations))


def page_of(
    rows: models.QuerySet[Any],
    start: int,
    stop: int,
    *,
    stations: Sequence[int] | None = None,
    use_partial_index: bool = False,
    is_by_key: bool = False,
) -> list[Any]:
    """Return the rows from `start` up to, not including, `stop`.

    Args:
        rows: ordered rows with all conditions, including those of the user's permissions.
        stations: keys of the only stations whose rows are wanted, if known to be few. The result is the same as that of
            `filter_by_stations(rows, stations)[start:stop]`, but the newest rows of each station are read from the
            index on station and key and merged. PostgreSQL itself would scan the rows of all stations, endlessly if
            these few have been silent.
        use_partial_index: whether so few rows satisfy the conditions that a partial index finds them, which is faster
            than reading all rows of each station.
        is_by_key: whether to find keys first even for the first page of a table that is not a log.
    """
    found = None
    if start or is_by_key or isinstance(rows, OfStationsQuerySet):
        found = _found_by_key(rows, start, stop, stations, use_partial_index)
    return list(filter_by_stations(rows, stations)[start:stop] if found is None else found)


def first_of(
    rows: models.QuerySet[Any], count: int, *, stations: Sequence[int] | None = None, use_partial_index: bool = False
) -> models.QuerySet[Any]:
    """Return a queryset whose first `count` rows are those of `page_of`, to be sliced by the caller."""
    found = _found_by_key(rows, 0, count, stations, use_partial_index)
    return filter_by_stations(rows, stations) if found is None else found


def _found_by_key(
    rows: models.QuerySet[Any], start: int, stop: int, stations: Sequence[int] | None, use_partial_index: bool
) -> models.QuerySet[Any] | None:
    """Return the rows of a page by their keys, or None if the queryset has to be sliced."""
    is_log = isinstance(rows, OfStationsQuerySet)
    order = _order_of(rows) if _is_plain(rows) else None
    if order is None or (is_log and connections[rows.db].vendor != "postgresql"):
        return None
    is_few = stations is not None and len(stations) <= FEW_STATIONS
    if is_log and is_few and not use_partial_index and len(order) == 1:
        keys = _newest_of_each(rows, start, stop, stations or [], is_descending=order[0].startswith("-"))
    else:
        keys = _with_related(filter_by_stations(rows, stations)).values("pk")[start:stop]
    return _with_keys(rows, keys, order)


def _newest_of_each(
    rows: models.QuerySet[Any], start: int, stop: int, stations: Sequence[int], *, is_descending: bool
) -> models.QuerySet[Any, Any]:
    sign = "-" if is_descending else ""
    of_one = rows.filter(station=models.OuterRef("pk")).order_by(f"{sign}pk")
    # The cast gives a type to the array even if Django knows that the subquery is empty.
    newest = Cast(ArraySubquery(of_one.values("pk")[:stop]), ArrayField(models.BigIntegerField()))
    own = _stations(rows).filter(pk__in=list(stations)).order_by()
    keys = own.annotate(key=models.Func(newest, function="unnest", output_field=models.BigIntegerField()))
    return keys.order_by(f"{sign}key").values("key")[start:stop]


def _with_keys(
    rows: models.QuerySet[Any], keys: models.QuerySet[Any, Any], order: Sequence[str]
) -> models.QuerySet[Any]:
    """Return the rows with these keys, with the columns and related rows that `rows` selects.

    The keys already satisfy the conditions of `rows`. Given both in one query, PostgreSQL treats conditions as
    independent and may start with the worse one. So the conditions are only kept for rows with annotations.
    """
    if rows.query.annotations:
        return rows.filter(pk__in=keys)
    found: models.QuerySet[Any] = type(rows)(model=rows.model, using=rows.db).filter(pk__in=keys).order_by(*order)
    found.query.select_related = rows.query.select_related
    found.query.deferred_loading = rows.query.deferred_loading
    return found.prefetch_related(*rows._prefetch_related_lookups)  # type: ignore[attr-defined]


def _is_plain(rows: models.QuerySet[Any]) -> bool:
    """Return whether each result is one row of the table, without duplicates, and the queryset is not evaluated yet."""
    query = rows.query
    made_of_several = any(what.contains_over_clause for what in query.annotations.values())
    adds_rows = any(
        field is not None and not (field.many_to_one or field.one_to_one)
        for field in (getattr(join, "join_field", None) for join in query.alias_map.values())
    )
    unusual = (
        query.is_sliced or query.group_by or query.distinct or query.combinator or query.extra or query.extra_order_by
    )
    locks = query.select_for_update or query.select_related is True
    is_of_models = rows._iterable_class is ModelIterable and rows._result_cache is None
    return is_of_models and not (made_of_several or adds_rows or unusual or locks)


def _order_of(rows: models.QuerySet[Any]) -> list[str] | None:
    """Return the names that rows are ordered by, up to the primary key, or None if the order is not unique."""
    query = rows.query
    order = query.order_by or (query.get_meta().ordering if query.default_ordering else ())
    if not order or not query.standard_ordering or not all(isinstance(name, str) for name in order):
        return None
    names = [str(name) for name in order]
    keys = {"pk", rows.model._meta.pk.name}
    last = next((place for place, name in enumerate(names) if name.lstrip("-") in keys), None)
    if last is None:
        return None
    unique = names[: last + 1]  # the primary key makes the order unique
    return unique if all(_is_one_value(rows, name.lstrip("-")) for name in unique) else None


def _is_one_value(rows: models.QuerySet[Any], name: str) -> bool:
    """Return whether a row has one value of this name: an annotation, a column, or a column of a related row."""
    if name == "pk" or name in rows.query.annotations:
        return True
    meta: Any = rows.model._meta
    *path, last = name.split(LOOKUP_SEP)
    try:
        for step in path:
            field = meta.get_field(step)
            if not (field.concrete and (field.many_to_one or field.one_to_one)):
                return False
            meta = field.related_model._meta
        return last == "pk" or bool(meta.get_field(last).concrete and not meta.get_field(last).is_relation)
    except FieldDoesNotExist:
        return False


def _with_related(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Exclude rows whose related row has been deleted: the join of `select_related` would not return them either."""
    wanted = rows.query.select_related
    for name in wanted if isinstance(wanted, dict) else ():
        field: Any = rows.model._meta.get_field(name)
        if field.many_to_one and not field.null and not field.db_constraint:
            there = field.related_model._base_manager.filter(pk=models.OuterRef(field.attname))
            rows = rows.filter(models.Exists(there))
    return rows


def _stations(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    model: Any = rows.model._meta.get_field("station").related_model
    stations: models.QuerySet[Any] = model._base_manager.all()
    return stations
