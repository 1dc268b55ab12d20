"""Files of what a list shows: CSV as a stream, XLSX row by row, neither with all rows in memory."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import chain, islice
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import Promise
from openpyxl import Workbook

MOST_XLSX_ROWS = 100_000
CHUNK = 500
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NOT_IN_XML = {code: None for code in range(32) if code not in (9, 10, 13)}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Cell(NamedTuple):
    """A column of an export: its head and how a row fills it."""

    head: str | Promise
    value: Callable[[Any], Any]


def plain(value: Any, zone: tzinfo) -> Any:
    """A value as a file holds it: times in the person's zone, text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(sep=" ", timespec="seconds")
    text = str(value).translate(NOT_IN_XML)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def lines(rows: Iterable[Any], cells: Sequence[Cell], zone: tzinfo) -> Iterator[list[Any]]:
    yield [str(cell.head) for cell in cells]
    for row in rows:
        yield [plain(cell.value(row), zone) for cell in cells]


class _Echo:
    """Makes `csv` give each line instead of writing it."""

    def write(self, text: str) -> str:
        return text


def _next(parts: Iterator[str]) -> str | None:
    return next(parts, None)


def export_csv(request: HttpRequest, rows: Iterable[Any], cells: Sequence[Cell], name: str) -> HttpResponseBase:
    writer = csv.writer(_Echo())
    text = (writer.writerow(line) for line in lines(rows, cells, timezone.get_current_timezone()))
    parts = chain(["\ufeff"], ("".join(part) for part in iter(lambda: list(islice(text, CHUNK)), [])))
    # ASGI would first gather a plain iterator whole
    content = _in_thread(parts) if isinstance(request, ASGIRequest) else parts
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


async def _in_thread(parts: Iterator[str]) -> AsyncIterator[str]:
    step = sync_to_async(_next)
    while (part := await step(parts)) is not None:
        yield part


def export_xlsx(rows: Iterable[Any], cells: Sequence[Cell], name: str) -> HttpResponseBase:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name[:31])
    for line in lines(rows, cells, timezone.get_current_timezone()):
        sheet.append(line)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book.save(file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)
