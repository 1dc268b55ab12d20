"""Base table, columns and paginator for lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import django_tables2 as tables
from django.core.paginator import Page, Paginator
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_tables2.rows import BoundRows

from cpms.common.database.paging import filter_by_stations, page_of
from cpms.common.web import formatting
from cpms.common.web.export import Cell

if TYPE_CHECKING:
    from accounts.models import User

NUMBER = {"th": {"class": "num"}, "td": {"class": "num"}}
NUMBER_WIDE = {"th": {"class": "num o"}, "td": {"class": "num o"}}  # not on the phone
WIDE = {"th": {"class": "o"}, "td": {"class": "o"}}


class Table(tables.Table):
    """Base of all tables, with their CSS classes."""

    class Meta:
        attrs = {"class": "tbl cardtbl"}
        orderable = False


@dataclass(frozen=True, slots=True)
class ExtraColumns:
    """Columns that a page adds to a table which another app owns.

    Attributes:
        columns: by name.
        prepare: adds the data that the columns show to the rows of one page.
        before: name of the column that they precede; without it they are the last ones.
        cells: what an export of a list with saved columns has of them.
    """

    columns: Mapping[str, tables.Column]
    prepare: Callable[[list[Any], User], None] | None = None
    before: str = ""
    cells: Sequence[Cell] = ()


def extended(
    table_class: type[tables.Table],
    rows: Any,
    *,
    extra: Sequence[ExtraColumns] = (),
    hidden: Sequence[str] = (),
    **options: Any,
) -> Any:
    """Return a table with columns that other apps add, and without some of its own.

    Args:
        hidden: names of columns to leave out.
        options: further arguments of the table.
    """
    names = list(all_columns(table_class, extra))
    added: list[tuple[str, tables.Column]] = []
    for one in extra:
        added += [(name, deepcopy(column)) for name, column in one.columns.items()]
    if added:
        options |= {"extra_columns": added, "sequence": names}
    return table_class(rows, exclude=(*table_class._meta.exclude, *hidden), **options)


def all_columns(table_class: type[tables.Table], extra: Sequence[ExtraColumns]) -> dict[str, tables.Column]:
    """Return the columns of a table with those that are added to it, in their order."""
    columns: dict[str, tables.Column] = dict(table_class.base_columns)
    names = list(columns)
    for one in extra:
        place = names.index(one.before) if one.before else len(names)
        names[place:place] = one.columns
        columns |= one.columns
    return {name: columns[name] for name in names}


class MomentColumn(tables.Column):
    """A time; with `has_age`, always with its date, and with its age in a second line."""

    def __init__(
        self, *args: Any, seconds: bool = False, never: str | Promise = "", has_age: bool = False, **kwargs: Any
    ) -> None:
        kwargs.setdefault("empty_values", ())
        super().__init__(*args, **kwargs)
        self.seconds, self.never, self.has_age = seconds, never, has_age

    def render(self, value: Any) -> SafeString:
        shown = formatting.moment(value, seconds=self.seconds, never=str(self.never), with_date=self.has_age)
        return two_lines(shown, formatting.ago(value) if value else "") if self.has_age else shown


def two_lines(first: Any, second: Any) -> SafeString:
    """Return a value with a muted second line; a no-break space keeps all rows at the same height."""
    return format_html('{}<span class="s">{}</span>', first, second or "\u00a0")


class CappedPaginator(Paginator):
    """Counts rows up to `cap`, since counting millions takes seconds and nobody opens page 1,000.

    If the first page is not full, it gives the count: a search for rare rows scans the table only once then.

    Args:
        stations: keys of the only stations whose rows are listed, if known to be few.
        use_partial_index: as for `page_of`.
    """

    cap = 20_000

    def __init__(
        self, *args: Any, stations: Sequence[int] | None = None, use_partial_index: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.stations, self.use_partial_index = stations, use_partial_index

    @cached_property
    def count(self) -> int:
        counted: int = filter_by_stations(self._queryset, self.stations).order_by()[: self.cap + 1].count()
        return min(counted, self.cap + 1)

    def get_page(self, number: Any) -> Page:
        if number != 1:
            return super().get_page(number)
        records = self._records(0, self.per_page + 1)
        if len(records) <= self.per_page:
            self.count = len(records)
        return self._page_of(records[: self.per_page], 1)

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        return self._page_of(self._records(start, min(start + self.per_page, self.count)), number)

    def _records(self, start: int, stop: int) -> list[Any]:
        return page_of(self._queryset, start, stop, stations=self.stations, use_partial_index=self.use_partial_index)

    def _page_of(self, records: list[Any], number: int) -> Page:
        rows: Any = self.object_list
        return Page(BoundRows(records, rows.table), number, self)

    @property
    def _queryset(self) -> Any:
        rows: Any = self.object_list
        return rows.data.data

    @property
    def is_capped(self) -> bool:
        return self.count > self.cap

    @property
    def count_text(self) -> str:
        return f"{formatting.number(self.cap)}+" if self.is_capped else formatting.number(self.count)
