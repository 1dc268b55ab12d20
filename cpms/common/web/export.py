"""Files of what a list shows: CSV and XLSX as streams that begin at once, neither with all rows in memory."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import psycopg
from asgiref.sync import sync_to_async
from django.core.exceptions import EmptyResultSet
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, override
from psycopg.types.datetime import TimestamptzLoader

from cpms.common.database.prepared import among
from cpms.common.web.formatting import decimal_sign, forms_in_force, in_form_of

MAX_XLSX_ROWS = 1_000_000
KEYS_AT_ONCE, VALUES_AT_ONCE, ROWS_AT_ONCE = 50_000, 5_000, 1_000
FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")  # and their wide forms, which Excel reads alike
FIELD_BORDERS = re.compile(r"([,;|\t\r\n]+)")  # whatever separator the program that opens the file assumes
MAY_SPLIT = frozenset(",;|\t\r\n")
SUSPICIOUS = FORMULA_STARTS | frozenset(" \"'")
NUMBERS = (int, float, Decimal)
NOT_IN_XML = {code: None for code in (*range(32), 0xFFFE, 0xFFFF) if code not in (9, 10, 13)}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Row = Sequence[Any]
Column = Sequence[Any]


class Cell(NamedTuple):
    """A column of an export: its head and how a row fills it.

    Where all cells of a list name the fields that they are made of, no instances are made of its rows: `value` then
    gets the values of the fields, and without `value` the one field is the cell.

    A column of times says so with `is_time`: a spreadsheet's dates have no zone, so its head names the zone.
    """

    head: str | Promise
    value: Callable[..., Any] | None
    fields: Sequence[str] = ()
    is_time: bool = False


def changed_first(cells: Sequence[Cell], change: Callable[[Any], Any]) -> list[Cell]:
    """Return cells that are filled from each row as `change` returns it; none of them names fields."""
    return [
        Cell(cell.head, partial(_of_changed, change, cell.value), is_time=cell.is_time) for cell in cells if cell.value
    ]


def _of_changed(change: Callable[[Any], Any], value: Callable[..., Any], row: Any) -> Any:
    return value(change(row))


# --- rows ---------------------------------------------------------------------------------------------------------


def in_parts(rows: QuerySet[Any], fields: Sequence[str] = ()) -> Iterator[list[Any]]:
    """All rows in their order, some at once; instances, or tuples of `fields`.

    Their keys are read some ten thousands at once and the rows by key, so that neither a cursor nor a transaction is
    open while somebody downloads for minutes: it would keep the database from cleaning up behind the running gateway.
    """
    order, at_once = _order(rows), VALUES_AT_ONCE if fields else ROWS_AT_ONCE
    if order is None:
        found = (rows.values_list(*fields) if fields else rows).iterator(at_once)
        yield from iter(lambda: list(islice(found, at_once)), [])
        return
    wanted = (rows.filter(among("pk", keys)) for keys in _keys(rows.order_by(*order), order, at_once))
    if not fields:
        yield from map(list, wanted)
    elif connection.vendor == "postgresql":
        yield from _read_ahead(part.values_list(*fields) for part in wanted)
    else:
        yield from (_values(part.values_list(*fields)) for part in wanted)


def _keys(rows: QuerySet[Any], order: Sequence[str], at_once: int) -> Iterator[list[Any]]:
    names = [name.lstrip("-") for name in order]
    after: Row | None = None
    while True:
        left = rows if after is None else rows.filter(_comes_after(order, after))
        keys = _values(left.values_list(*names)[:KEYS_AT_ONCE])
        for first in range(0, len(keys), at_once):
            yield [key[-1] for key in keys[first : first + at_once]]
        if len(keys) < KEYS_AT_ONCE:
            return
        after = keys[-1]


def _values(rows: QuerySet[Any]) -> list[Row]:
    if connection.vendor != "postgresql":
        return list(rows)
    try:
        return _Reader(rows).read()
    except EmptyResultSet:  # of a list in which, for this person, nothing can be
        return []


def _read_ahead(wanted: Iterable[QuerySet[Any]]) -> Iterator[list[Row]]:
    """What several `values_list` give; the next one is read while the file of the one before is made."""
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
    """Reads a `values_list` without Django's own reading of times, which takes half of the time that all of it takes.

    It is made by the thread that the connection belongs to, and may read in another one.
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
                columns[place] = _mapped(change, columns[place])
        return list(zip(*columns, strict=True))


def _converted(convert: Callable[..., Any], expression: Any, value: Any) -> Any:
    return convert(value, expression, connection)


def _mapped(change: Callable[[Any], Any], values: Column) -> Column:
    """`change` of all values; text is often the same few words, which are changed once."""
    if set(map(type, values)) == {str} and len(words := set(values)) < len(values) / 4:
        changed = {word: change(word) for word in words}
        return [changed[value] for value in values]
    return list(map(change, values))


def _order(rows: QuerySet[Any]) -> list[str] | None:
    """By what rows are ordered, with their key at the end; None when it is not by columns of their own."""
    if rows.query.group_by or any(what.contains_over_clause for what in rows.query.annotations.values()):
        return None  # a row is made out of several ones
    order = [str(name) for name in rows.query.order_by or rows.model._meta.ordering]
    own = {"pk": rows.model._meta.pk} | {field.name: field for field in rows.model._meta.concrete_fields}
    for name in order:
        field = own.get(name.lstrip("-"))
        if field is None or field.null or field.is_relation:
            return None
    kept = [name for name in order if name.lstrip("-") not in ("pk", rows.model._meta.pk.name)]
    last = next((name for name in order if name not in kept), "-pk")
    return [*kept, "-pk" if last.startswith("-") else "pk"]


def _comes_after(order: Sequence[str], key: Row) -> Q:
    """Rows behind the one with this key, in a form that an index on the first column serves."""
    found = Q()
    for place in range(len(order) - 1, -1, -1):
        name, value = order[place].lstrip("-"), key[place]
        compare = "lt" if order[place].startswith("-") else "gt"
        beyond = Q(**{f"{name}__{compare}": value})
        found = beyond | Q(**{name: value}) & found if found else beyond
    first = order[0].lstrip("-")
    return Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": key[0]}) & found


# --- cells --------------------------------------------------------------------------------------------------------


def safe_text(value: Any) -> str:
    """Return the text of a value, escaped so that no spreadsheet program reads a part of it as a formula.

    A field may be split wherever the program's own separator stands in it, so each part is looked at. Numbers stay.
    """
    text = str(value).translate(NOT_IN_XML)
    parts = FIELD_BORDERS.split(text)
    parts[::2] = map(_without_formula, parts[::2])
    return "'" * text.startswith(("\t", "\r", "\n")) + "".join(parts)


def _without_formula(part: str) -> str:
    inner = part.lstrip(" \"'")
    if inner[:1] not in FORMULA_STARTS or not inner or _is_number(inner.rstrip(" \"']}")):
        return part
    return f"{part[: len(part) - len(inner)]}'{inner}"


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def _is_harmless(text: str) -> bool:
    return text[:1] not in SUSPICIOUS and MAY_SPLIT.isdisjoint(text) and text.isprintable()


def plain(value: Any, zone: tzinfo) -> Any:
    """A value as a file holds it: numbers and times in the person's zone as such, all else as harmless text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, NUMBERS):
        return value
    if isinstance(value, datetime):
        return value.astimezone(zone)
    return safe_text(value)


def _plain_column(values: Column, zone: tzinfo) -> Column:
    """`plain` of many values of one kind: what the kind decides is decided once."""
    kinds = set(map(type, values))
    if kinds <= {int, Decimal}:
        return values
    if kinds == {str}:
        return [text if _is_harmless(text) else plain(text, zone) for text in values]
    if kinds == {datetime}:
        return [value.astimezone(zone) for value in values]
    return [plain(value, zone) for value in values]


class Sheet:
    """The parts of a file, each as columns of plain values; its heads first.

    Cells are filled while the file is on its way, when the request is over: the person's language, zone and forms of
    dates and numbers are noted here and put in force around each part.
    """

    def __init__(self, rows: QuerySet[Any], cells: Sequence[Cell]) -> None:
        self.rows, self.cells, self.zone = rows, cells, timezone.get_current_timezone()
        self.language, self.forms = get_language(), forms_in_force()
        self.heads = [str(cell.head) for cell in cells]
        self.heads_with_zone = [
            f"{head} ({self.zone})" if cell.is_time else head for head, cell in zip(self.heads, cells, strict=True)
        ]
        is_by_field = all(cell.fields for cell in cells)
        self.fields = list(dict.fromkeys(chain(*(cell.fields for cell in cells)))) if is_by_field else []

    def __iter__(self) -> Iterator[list[Column]]:
        for part in in_parts(self.rows, self.fields):
            if part:
                yield self._columns(part)

    def _columns(self, part: list[Any]) -> list[Column]:
        with timezone.override(self.zone), override(self.language), in_form_of(*self.forms):
            if self.fields:
                read = dict(zip(self.fields, zip(*part, strict=True), strict=True))
                columns = [_filled(cell, [read[name] for name in cell.fields]) for cell in self.cells]
            else:
                columns = [[cell.value(row) for row in part] for cell in self.cells if cell.value]
            return [_plain_column(column, self.zone) for column in columns]


def _filled(cell: Cell, columns: list[Column]) -> Column:
    if cell.value is None:
        return columns[0]
    return _mapped(cell.value, columns[0]) if len(columns) == 1 else list(map(cell.value, *columns))


# --- files --------------------------------------------------------------------------------------------------------


class CsvFormat(NamedTuple):
    """How a person's spreadsheet program reads a CSV file."""

    separator: str
    decimal_sign: str

    @classmethod
    def of_reader(cls) -> CsvFormat:
        """Return the format for the language and number form in force: where decimals have a comma, fields have a
        semicolon between them."""
        return cls(";", ",") if decimal_sign() == "," else cls(",", ".")

    def lines(self, rows: Iterable[Row]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator).writerows(rows)
        return text.getvalue()

    def column(self, values: Column) -> Column:
        kinds = set(map(type, values))
        if kinds == {datetime}:
            return [value.isoformat(" ", "seconds") for value in values]
        if kinds <= {str, int}:
            return values
        return [self.cell(value) for value in values]

    def cell(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat(" ", "seconds")
        if isinstance(value, Decimal | float) and self.decimal_sign != ".":
            return str(value).replace(".", self.decimal_sign)
        return value


def csv_parts(sheet: Sheet, form: CsvFormat) -> Iterator[str]:
    yield "\ufeff" + form.lines([sheet.heads])
    for columns in sheet:
        yield form.lines(zip(*map(form.column, columns), strict=True))


class _Buffer(io.RawIOBase):
    """What a zip file writes to, taken away as it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAX_XLSX_TEXT_LENGTH = 32_767
MAX_SHEET_BYTES = 1_500_000_000  # then another sheet: more would need a form of zip file that Excel does not read
TYPES = (
    f'{DECLARED}<Types xmlns="{PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{SPREADSHEET}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{SPREADSHEET}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{SPREADSHEET}.styles+xml"/></Types>'
)
ROOT_LINKS = (
    f'{DECLARED}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)

TIME_STYLE = 1
STYLES = (
    f'{DECLARED}<styleSheet xmlns="{MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="1"><font/></fonts><fills count="1"><fill><patternFill/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
FIRST_DAY, FIRST_TIME = datetime(1899, 12, 30), datetime(1900, 3, 1)
SECONDS_PER_DAY = 86_400


def xlsx_parts(sheet: Sheet, name: str) -> Iterator[bytes]:
    """A workbook as it grows. Written by ourselves: a library that keeps styles and cells as objects takes ten times
    as long, and is done before the first byte can go."""
    buffer = _Buffer()
    count = 0
    columns = iter(sheet)
    left: list[Column] | None = [[head] for head in sheet.heads_with_zone]
    begin = f'{DECLARED}<worksheet xmlns="{MAIN}">{_wide_columns(sheet)}<sheetData>'.encode()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        book.writestr("[Content_Types].xml", TYPES)
        book.writestr("_rels/.rels", ROOT_LINKS)
        book.writestr("xl/styles.xml", STYLES)
        while left is not None:
            count += 1
            with book.open(f"xl/worksheets/sheet{count}.xml", "w") as file:
                file.write(begin)
                size = 0
                while left is not None and size < MAX_SHEET_BYTES:
                    size += file.write(_xml_rows(left))
                    if ready := buffer.take():
                        yield ready
                    left = next(columns, None)
                file.write(b"</sheetData></worksheet>")
        book.writestr("xl/workbook.xml", _workbook(name, count))
        book.writestr("xl/_rels/workbook.xml.rels", _workbook_links(count))
    yield buffer.take()


def _xml_rows(columns: list[Column]) -> bytes:
    rows = zip(*map(_xml_column, columns), strict=True)
    return "".join([f"<row>{''.join(row)}</row>" for row in rows]).encode()


def _xml_column(values: Column) -> list[str]:
    if set(map(type, values)) <= {int, Decimal}:
        return [f"<c><v>{value}</v></c>" for value in values]
    return [_xml_cell(value) for value in values]


def _wide_columns(sheet: Sheet) -> str:
    """Columns of times need the width of a time: in a narrower one Excel shows hashes."""
    wide = [place for place, cell in enumerate(sheet.cells, 1) if cell.is_time]
    columns = "".join(f'<col min="{place}" max="{place}" width="20" customWidth="1"/>' for place in wide)
    return f"<cols>{columns}</cols>" if wide else ""


def _xml_cell(value: Any) -> str:
    if isinstance(value, datetime):
        local = value.replace(tzinfo=None)
        if local < FIRST_TIME:  # a clock that was never set: Excel has no such date
            return _xml_cell(value.isoformat(" ", "seconds"))
        span = local - FIRST_DAY
        return f'<c s="{TIME_STYLE}"><v>{span.days + span.seconds / SECONDS_PER_DAY:.8f}</v></c>'
    if not isinstance(value, str):
        return f"<c><v>{value}</v></c>"
    if not value:
        return "<c/>"
    text = escape(value[:MAX_XLSX_TEXT_LENGTH])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _workbook(name: str, count: int) -> str:
    title = escape(name[:24], {'"': "&quot;"})
    sheets = "".join(
        f'<sheet name="{title}{f" {n}" if n > 1 else ""}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, count + 1)
    )
    return f'{DECLARED}<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{sheets}</sheets></workbook>'


def _workbook_links(count: int) -> str:
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{LINKS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, count + 1)
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{LINKS}/styles" Target="styles.xml"/>'
    return f'{DECLARED}<Relationships xmlns="{PACKAGE}/relationships">{links}{styles}</Relationships>'


# --- answers ------------------------------------------------------------------------------------------------------


def export_csv(request: HttpRequest, rows: QuerySet[Any], cells: Sequence[Cell], name: str) -> HttpResponseBase:
    return _answer(
        request, csv_parts(Sheet(rows, cells), CsvFormat.of_reader()), "text/csv; charset=utf-8", f"{name}.csv"
    )


def export_xlsx(request: HttpRequest, rows: QuerySet[Any], cells: Sequence[Cell], name: str) -> HttpResponseBase:
    return _answer(request, xlsx_parts(Sheet(rows, cells), name), XLSX_TYPE, f"{name}.xlsx")


def _answer(request: HttpRequest, parts: Iterator[str] | Iterator[bytes], kind: str, name: str) -> HttpResponseBase:
    # ASGI would first gather a plain iterator whole
    content = _in_thread(parts) if isinstance(request, ASGIRequest) else parts
    response = StreamingHttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _next(parts: Iterator[Any]) -> Any:
    return next(parts, None)


async def _in_thread(parts: Iterator[Any]) -> AsyncIterator[Any]:
    step = sync_to_async(_next)
    while (part := await step(parts)) is not None:
        yield part
