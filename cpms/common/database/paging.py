"""Pages of big tables: the keys of a page are found first, mostly in an index alone, and rows are joined to these only.

How rows are found never changes which rows they are: all functions here take a queryset with all its conditions and
give what slicing it gives. Where a queryset is of a form for which that is not certain, they slice it.
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
    """Return the keys of these stations if they are few, and None if they are many or all there are (None)."""
    if stations is None:
        return None
    keys = list(stations.order_by().values_list("pk", flat=True)[: FEW_STATIONS + 1])
    return keys if len(keys) <= FEW_STATIONS else None


def of_stations(rows: models.QuerySet[Any], keys: Sequence[int]) -> models.QuerySet[Any]:
    """Filter rows by the keys of their stations.

    Few stations are asked for through the table of stations. `page_of` looks at one station after the other, and a
    list of keys compared with the same column would make PostgreSQL expect hardly any row of each.
    """
    if len(keys) > FEW_STATIONS:
        return rows.filter(station__in=keys)
    return rows.filter(station__in=_stations(rows).filter(pk__in=keys))


def narrowed(rows: models.QuerySet[Any], stations: Sequence[int] | None) -> models.QuerySet[Any]:
    """Filter rows by the keys of their stations as a list, the quickest way to count or export them; None: any."""
    return rows if stations is None else rows.filter(station__in=list(stations))


def page_of(
    rows: models.QuerySet[Any],
    start: int,
    stop: int,
    *,
    stations: Sequence[int] | None = None,
    is_rare: bool = False,
    is_by_key: bool = False,
) -> list[Any]:
    """Return the rows from `start` up to, not including, `stop`.

    Args:
        rows: ordered rows with all conditions, those of the person's rights included.
        stations: keys of the only stations whose rows are wanted, if the caller knows that they are few: the result is
            that of `narrowed(rows, stations)[start:stop]`. The newest rows of each are taken from the index on station
            and key, and of these the newest: PostgreSQL would look for them among the rows of all stations, without
            end where these few have been silent.
        is_rare: whether so few rows fulfil the conditions that an index of their own finds them, which is quicker than
            going through all rows of each station.
        is_by_key: whether keys are found first even for the first page of a table that is no log.
    """
    found = None
    if start or is_by_key or isinstance(rows, OfStationsQuerySet):
        found = _found_by_key(rows, start, stop, stations, is_rare)
    return list(narrowed(rows, stations)[start:stop] if found is None else found)


def first_of(
    rows: models.QuerySet[Any], count: int, *, stations: Sequence[int] | None = None, is_rare: bool = False
) -> models.QuerySet[Any]:
    """Return a queryset, to be sliced by somebody else, whose first `count` rows are those of `page_of`."""
    found = _found_by_key(rows, 0, count, stations, is_rare)
    return narrowed(rows, stations) if found is None else found


def _found_by_key(
    rows: models.QuerySet[Any], start: int, stop: int, stations: Sequence[int] | None, is_rare: bool
) -> models.QuerySet[Any] | None:
    """Return the rows of a page by their keys, or None where they have to be sliced."""
    is_log = isinstance(rows, OfStationsQuerySet)
    order = _order_of(rows) if _is_plain(rows) else None
    if order is None or (is_log and connections[rows.db].vendor != "postgresql"):
        return None
    is_few = stations is not None and len(stations) <= FEW_STATIONS
    if is_log and is_few and not is_rare and len(order) == 1:
        keys = _newest_of_each(rows, start, stop, stations or [], is_descending=order[0].startswith("-"))
    else:
        keys = _with_related(narrowed(rows, stations)).values("pk")[start:stop]
    return _with_keys(rows, keys, order)


def _newest_of_each(
    rows: models.QuerySet[Any], start: int, stop: int, stations: Sequence[int], *, is_descending: bool
) -> models.QuerySet[Any, Any]:
    sign = "-" if is_descending else ""
    of_one = rows.filter(station=models.OuterRef("pk")).order_by(f"{sign}pk")
    # The cast gives a type to the array of a station of which it is clear beforehand that it has no such rows.
    newest = Cast(ArraySubquery(of_one.values("pk")[:stop]), ArrayField(models.BigIntegerField()))
    own = _stations(rows).filter(pk__in=list(stations)).order_by()
    keys = own.annotate(key=models.Func(newest, function="unnest", output_field=models.BigIntegerField()))
    return keys.order_by(f"{sign}key").values("key")[start:stop]


def _with_keys(
    rows: models.QuerySet[Any], keys: models.QuerySet[Any, Any], order: Sequence[str]
) -> models.QuerySet[Any]:
    """Return the rows with these keys, with the columns and related rows that `rows` asks for.

    The keys were found by all conditions of `rows`. Asked for both in one query, PostgreSQL, which takes conditions for
    independent of each other, may begin with the worse one; so only rows with computed columns keep their conditions.
    """
    if rows.query.annotations:
        return rows.filter(pk__in=keys)
    found: models.QuerySet[Any] = type(rows)(model=rows.model, using=rows.db).filter(pk__in=keys).order_by(*order)
    found.query.select_related = rows.query.select_related
    found.query.deferred_loading = rows.query.deferred_loading
    return found.prefetch_related(*rows._prefetch_related_lookups)  # type: ignore[attr-defined]


def _is_plain(rows: models.QuerySet[Any]) -> bool:
    """Whether each row is a row of the table, once, and not read yet."""
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
    """Return the names that rows are ordered by, up to the key, if they leave no two rows alike; otherwise None."""
    query = rows.query
    order = query.order_by or (query.get_meta().ordering if query.default_ordering else ())
    if not order or not query.standard_ordering or not all(isinstance(name, str) for name in order):
        return None
    names = [str(name) for name in order]
    keys = {"pk", rows.model._meta.pk.name}
    last = next((place for place, name in enumerate(names) if name.lstrip("-") in keys), None)
    if last is None:
        return None
    decisive = names[: last + 1]  # no two rows have the same key
    return decisive if all(_is_one_value(rows, name.lstrip("-")) for name in decisive) else None


def _is_one_value(rows: models.QuerySet[Any], name: str) -> bool:
    """Whether a row has one value of this name: a computed column, one of its own, or one of a row it points to."""
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
    """Leave out rows that point to a row which is not there any more: joined to it, they would not be found either."""
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
