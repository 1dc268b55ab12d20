"""The file formats for import and export of rows in Django admin."""

from __future__ import annotations

import csv
from contextlib import suppress
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from import_export.formats import base_formats
from import_export.widgets import DateTimeWidget

from cpms.common.web.export import CsvFormat, file_value

ZONE_COLUMN = "time_zone"


class ZonedTimeWidget(DateTimeWidget):
    """A time that keeps its time zone in a file: as an offset in text, or in a separate column beside a date cell."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> datetime | None:
        """Read ISO 8601 or a form's formats. Without an offset, the row's time zone applies, or else the user's.

        Raises:
            ValueError: the text is not a time, or the time zone is unknown.
        """
        if isinstance(value, str):
            with suppress(ValueError):  # it may have one of the formats that forms accept
                value = datetime.fromisoformat(value.strip())
        zone = _zone_of(row)
        with timezone.override(zone):
            read: datetime | None = super().clean(value, row, **kwargs)
        return read

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return timezone.localtime(value) if isinstance(value, datetime) else ""


def _zone_of(row: Any) -> tzinfo:
    name = str((row or {}).get(ZONE_COLUMN) or "").strip()
    if not name:
        return timezone.get_current_timezone()
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(_("There is no time zone “%(name)s”.") % {"name": name}) from None


class SafeCSV(base_formats.CSV):
    """CSV in the format of the user's spreadsheet program, without formulas; imports accept either separator."""

    def create_dataset(self, in_stream: Any, **kwargs: Any) -> Any:
        text = in_stream.decode(self.encoding or "utf-8-sig") if isinstance(in_stream, bytes) else in_stream
        head = text.lstrip("\ufeff").partition("\n")[0]
        separator = ";" if head.count(";") > head.count(",") else ","
        return super().create_dataset(text.lstrip("\ufeff"), delimiter=separator, **kwargs)

    def export_data(self, dataset: Any, **kwargs: Any) -> Any:
        form = CsvFormat.of_reader()
        zone = timezone.get_current_timezone()
        for number, row in enumerate(dataset):
            dataset[number] = [form.cell(file_value(cell, zone)) for cell in row]
        return super().export_data(dataset, delimiter=form.separator, quoting=csv.QUOTE_MINIMAL, **kwargs)


class SafeXLSX(base_formats.XLSX):
    """A workbook with real dates, which have no time zone, and without formulas."""

    def export_data(self, dataset: Any, **kwargs: Any) -> Any:
        zone = timezone.get_current_timezone()
        for number, row in enumerate(dataset):
            cells = [file_value(cell, zone) for cell in row]
            dataset[number] = [cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell for cell in cells]
        return super().export_data(dataset, **kwargs)
