"""Export of lists as CSV and XLSX, streamed from the first row on, without holding all rows in memory."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, override

from cpms.common.database.row_batches import Column, Row, in_batches, mapped
from cpms.common.web.formatting import current_formats, decimal_separator, use_formats

MAX_XLSX_ROWS = 1_000_000
FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")  # with full-width forms, which Excel treats alike
FIELD_BORDERS = re.compile(r"([,;|\t\r\n]+)")  # separators that a spreadsheet program may assume
MAY_SPLIT = frozenset(",;|\t\r\n")
SUSPICIOUS = FORMULA_STARTS | frozenset(" \"'")
NUMBERS = (int, float, Decimal)
INVALID_IN_XML = {code: None for code in (*range(32), 0xFFFE, 0xFFFF) if code not in (9, 10, 13)}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Cell(NamedTuple):
    """A column of an export: its header, and the function that returns a row's value.

    If all cells of a list name their `fields`, no model instances are created: `value` then gets the values of the
    fields as arguments, and without `value` the cell is the single field.

    `column` is the column of the list that shows the value: lists whose columns users choose export the chosen ones.

    `is_time` marks a column of times: dates in spreadsheets have no time zone, so the header names it.
    """

    head: str | Promise
    value: Callable[..., Any] | None
    fields: Sequence[str] = ()
    is_time: bool = False
    column: str = ""


def convert_rows_first(cells: Sequence[Cell], change: Callable[[Any], Any]) -> list[Cell]:
    """Return cells whose `value` gets the result of `change` for each row. They name no fields."""
    return [
        Cell(cell.head, partial(_converted_value, change, cell.value), is_time=cell.is_time, column=cell.column)
        for cell in cells
        if cell.value
    ]


def _converted_value(change: Callable[[Any], Any], value: Callable[..., Any], row: Any) -> Any:
    return value(change(row))


# --- cells --------------------------------------------------------------------------------------------------------


def safe_text(value: Any) -> str:
    """Return the text of a value, escaped so that no spreadsheet program reads a part of it as a formula.

    The program may split a field at its own separator, so each part is checked. Numbers stay unchanged.
    """
    text = str(value).translate(INVALID_IN_XML)
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


def file_value(value: Any, zone: tzinfo) -> Any:
    """Return a value for a file: numbers, times in the user's time zone, and everything else as safe text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, NUMBERS):
        return value
    if isinstance(value, datetime):
        return value.astimezone(zone)
    return safe_text(value)


def _file_column(values: Column, zone: tzinfo) -> Column:
    """Apply `file_value` to a column, with shortcuts for columns of a single type."""
    kinds = set(map(type, values))
    if kinds <= {int, Decimal}:
        return values
    if kinds == {str}:
        return [text if _is_harmless(text) else file_value(text, zone) for text in values]
    if kinds == {datetime}:
        return [value.astimezone(zone) for value in values]
    return [file_value(value, zone) for value in values]


class Sheet:
    """The content of a file, in batches of columns.

    Cells are filled while the file is being streamed, after the request has ended. So the user's language, time zone
    and formats are stored here and activated for each batch.

    `prepare` adds data to the rows of a batch that their cells need.
    """

    def __init__(
        self, rows: QuerySet[Any], cells: Sequence[Cell], prepare: Callable[[list[Any]], None] | None = None
    ) -> None:
        self.rows, self.cells, self.zone = rows, cells, timezone.get_current_timezone()
        self.prepare = prepare
        self.language, self.forms = get_language(), current_formats()
        self.heads = [str(cell.head) for cell in cells]
        self.heads_with_zone = [
            f"{head} ({self.zone})" if cell.is_time else head for head, cell in zip(self.heads, cells, strict=True)
        ]
        is_by_field = all(cell.fields for cell in cells)
        self.fields = list(dict.fromkeys(chain(*(cell.fields for cell in cells)))) if is_by_field else []

    def __iter__(self) -> Iterator[list[Column]]:
        for part in in_batches(self.rows, self.fields):
            if part:
                yield self._columns(part)

    def _columns(self, part: list[Any]) -> list[Column]:
        with timezone.override(self.zone), override(self.language), use_formats(*self.forms):
            if self.fields:
                read = dict(zip(self.fields, zip(*part, strict=True), strict=True))
                columns = [_filled(cell, [read[name] for name in cell.fields]) for cell in self.cells]
            else:
                if self.prepare is not None:
                    self.prepare(part)
                columns = [[cell.value(row) for row in part] for cell in self.cells if cell.value]
            return [_file_column(column, self.zone) for column in columns]


def _filled(cell: Cell, columns: list[Column]) -> Column:
    if cell.value is None:
        return columns[0]
    return mapped(cell.value, columns[0]) if len(columns) == 1 else list(map(cell.value, *columns))


# --- files --------------------------------------------------------------------------------------------------------


class CsvFormat(NamedTuple):
    """The CSV format that the user's spreadsheet program expects."""

    separator: str
    decimal_separator: str

    @classmethod
    def of_reader(cls) -> CsvFormat:
        """Return the format for the current language and number format: with decimal commas, the separator is a
        semicolon."""
        return cls(";", ",") if decimal_separator() == "," else cls(",", ".")

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
        if isinstance(value, Decimal | float) and self.decimal_separator != ".":
            return str(value).replace(".", self.decimal_separator)
        return value


def csv_parts(sheet: Sheet, form: CsvFormat) -> Iterator[str]:
    yield "\ufeff" + form.lines([sheet.heads])
    for columns in sheet:
        yield form.lines(zip(*map(form.column, columns), strict=True))


class _Buffer(io.RawIOBase):
    """A write-only stream for a zip file, whose content is taken away while it grows."""

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
XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAX_XLSX_TEXT_LENGTH = 32_767
MAX_SHEET_BYTES = 1_500_000_000  # then another sheet is started: Excel does not read larger zip entries
TYPES = (
    f'{XML_DECLARATION}<Types xmlns="{PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{SPREADSHEET}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{SPREADSHEET}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{SPREADSHEET}.styles+xml"/></Types>'
)
ROOT_LINKS = (
    f'{XML_DECLARATION}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)

TIME_STYLE = 1
STYLES = (
    f'{XML_DECLARATION}<styleSheet xmlns="{MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="1"><font/></fonts><fills count="1"><fill><patternFill/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
FIRST_DAY, FIRST_TIME = datetime(1899, 12, 30), datetime(1900, 3, 1)
SECONDS_PER_DAY = 86_400


def xlsx_parts(sheet: Sheet, name: str) -> Iterator[bytes]:
    """Yield the bytes of a workbook while it grows.

    Libraries that hold styles and cells as objects take ten times as long, and send nothing before the end.
    """
    buffer = _Buffer()
    count = 0
    columns = iter(sheet)
    left: list[Column] | None = [[head] for head in sheet.heads_with_zone]
    begin = f'{XML_DECLARATION}<worksheet xmlns="{MAIN}">{_column_widths(sheet)}<sheetData>'.encode()
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


def _column_widths(sheet: Sheet) -> str:
    """Return the widths of time columns: in narrower ones Excel shows hashes."""
    wide = [place for place, cell in enumerate(sheet.cells, 1) if cell.is_time]
    columns = "".join(f'<col min="{place}" max="{place}" width="20" customWidth="1"/>' for place in wide)
    return f"<cols>{columns}</cols>" if wide else ""


def _xml_cell(value: Any) -> str:
    if isinstance(value, datetime):
        local = value.replace(tzinfo=None)
        if local < FIRST_TIME:  # of a clock that was never set: Excel has no such date
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
    return f'{XML_DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{sheets}</sheets></workbook>'


def _workbook_links(count: int) -> str:
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{LINKS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, count + 1)
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{LINKS}/styles" Target="styles.xml"/>'
    return f'{XML_DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{links}{styles}</Relationships>'


# --- answers ------------------------------------------------------------------------------------------------------


def export_csv(request: HttpRequest, sheet: Sheet, name: str) -> HttpResponseBase:
    return _answer(request, csv_parts(sheet, CsvFormat.of_reader()), "text/csv; charset=utf-8", f"{name}.csv")


def export_xlsx(request: HttpRequest, sheet: Sheet, name: str) -> HttpResponseBase:
    return _answer(request, xlsx_parts(sheet, name), XLSX_TYPE, f"{name}.xlsx")


def _answer(request: HttpRequest, parts: Iterator[str] | Iterator[bytes], kind: str, name: str) -> HttpResponseBase:
    # Under ASGI, Django would read a synchronous iterator to its end first.
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
