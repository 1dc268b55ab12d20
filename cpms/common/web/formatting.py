"""Formatting of numbers, times and statuses for all pages, tables and exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from django.templatetags.static import static
from django.utils import numberformat, timezone
from django.utils.formats import date_format, get_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

THIN = "\u202f"
DASH = "\u2013"
# The formats that users can choose, with an example; the default is that of the page's language.
DATES = [("iso", "2026-11-21"), ("dot", "21.11.2026"), ("slash", "21/11/2026"), ("us", "11/21/2026")]
NUMBERS = [("en", "1,234.5"), ("de", "1.234,5"), ("fr", f"1{THIN}234,5"), ("ch", "1\u2019234.5")]
_DAYS = {  # with the year, and short for the current year
    "iso": ("Y-m-d", "Y-m-d"),
    "dot": ("d.m.Y", "d.m."),
    "slash": ("d/m/Y", "d/m"),
    "us": ("m/d/Y", "m/d"),
}
_SIGNS = {"en": (".", ","), "de": (",", "."), "fr": (",", THIN), "ch": (".", "\u2019")}  # decimal, thousands


class Formats(NamedTuple):
    """A user's formats: keys of DATES and NUMBERS; empty: the language's format."""

    dates: str = ""
    numbers: str = ""


_formats: ContextVar[Formats] = ContextVar("forms", default=Formats())  # noqa: B039 - it never changes


@contextmanager
def use_formats(dates: str, numbers: str) -> Iterator[None]:
    """Format dates and numbers within this context as a user chose.

    Args:
        dates: a key of DATES, or empty for the language's format.
        numbers: a key of NUMBERS, or empty for the language's format.
    """
    token = _formats.set(Formats(dates, numbers))
    try:
        yield
    finally:
        _formats.reset(token)


def current_formats() -> Formats:
    return _formats.get()


def day(at: date, *, is_short: bool = False) -> str:
    """Format a date as the user chose; short: without the year if it is the current one."""
    own = _DAYS.get(_formats.get().dates)
    is_short = is_short and at.year == timezone.localdate().year
    if own is not None:
        return date_format(at, own[1] if is_short else own[0])
    return date_format(at, pgettext("date format", "j M") if is_short else pgettext("date format", "d M Y"))


def weekday(at: date) -> str:
    """Format a date with its day of the week, for the axis of a chart."""
    if _formats.get().dates not in _DAYS:
        return date_format(at, pgettext("date format", "D j M"))
    return f"{date_format(at, 'D')} {day(at, is_short=True)}"


def icon(name: str, label: str = "") -> SafeString:
    """Return an icon of the sprite. Without a label it is decorative and hidden from screen readers."""
    address = f"{static('vendor/icons/sprite.svg')}#tabler-{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, address)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', address)


def status(kind: str, label: str, *, title: str = "", is_live: bool = False, is_stale: bool = False) -> SafeString:
    """Return a status as a coloured dot and a label. Stale: the last known status, shown as outdated."""
    extra = (" live" if is_live and not is_stale else "") + (" stale" if is_stale else "")
    return format_html('<span class="st {}{}" title="{}">{}</span>', kind, extra, title, label)


def tick(is_yes: Any, label: str) -> SafeString:
    """Return a yes or no as a mark and a label, without the colours of a status."""
    return format_html(
        '<span class="tick{}">{}{}</span>', "" if is_yes else " no", icon("check" if is_yes else "x"), label
    )


def dash(why: str = "") -> SafeString:
    """Return a dash for a missing value, with the reason as tooltip."""
    return format_html('<span class="dash" title="{}">{}</span>', why, DASH)


PHONE_NUMBER = re.compile(r"\+?\d[\d\s()/.\-]{3,}\d")


def phone_link(text: str) -> SafeString:
    """Return a text with a link to call the first phone number in it; unchanged if it has none."""
    found = PHONE_NUMBER.search(text)
    if found is None:
        return format_html("{}", text)
    number = re.sub(r"\(0\)|[^\d+]", "", found.group())  # "+49 (0)40" is dialled without the zero
    before, after = text[: found.start()], text[found.end() :]
    return format_html('{}<a href="tel:{}">{}</a>{}', before, number, found.group(), after)


def grouped(key: int) -> str:
    """Format a key with thin spaces between groups of digits, whatever the user's number format."""
    return f"{key:,}".replace(",", THIN)


def number(value: float | Decimal, places: int = 0) -> str:
    """Format a number with thousands separators, rounded half up (Django truncates)."""
    exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    own = _SIGNS.get(_formats.get().numbers)
    if own is not None:
        return numberformat.format(exact, own[0], places, 3, own[1], force_grouping=True)
    return number_format(exact, decimal_pos=places, use_l10n=True, force_grouping=True)


def decimal_separator() -> str:
    """Return the user's decimal separator: a dot or a comma."""
    own = _SIGNS.get(_formats.get().numbers)
    return own[0] if own is not None else str(get_format("DECIMAL_SEPARATOR"))


def kwh(wh: int | None) -> str:
    """Format an energy in kWh with two decimals, without unit."""
    return DASH if wh is None else number(Decimal(wh) / 1000, 2)


def kw(watts: int | None) -> str:
    """Format a power in kW with one decimal, without unit."""
    return DASH if watts is None else number(Decimal(watts) / 1000, 1)


def amperes(value: Decimal) -> str:
    """Format a breaker's current in amperes, with a decimal only if needed."""
    return number(value, 0 if value == value.to_integral_value() else 1)


def power(watts: int) -> tuple[str, str]:
    """Return the power of many stations as number and unit."""
    return (number(Decimal(watts) / 1_000_000, 2), "MW") if watts >= 1_000_000 else (kw(watts), "kW")


def energy(wh: int) -> tuple[str, str]:
    """Return the energy of many sessions as number and unit."""
    return (number(Decimal(wh) / 1_000_000, 2), "MWh") if wh >= 10_000_000 else (kwh(wh), "kWh")


def dhms(span: timedelta) -> str:
    """Format a duration as days:hours:minutes:seconds, for tables and exports."""
    seconds = max(0, int(span.total_seconds()))
    return f"{seconds // 86400}:{seconds // 3600 % 24}:{seconds // 60 % 60}:{seconds % 60}"


def duration_text(span: timedelta) -> str:
    """Format a duration as text with at most two units."""
    seconds = max(0, int(span.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": minutes}
    if minutes >= 10:
        return _("%(minutes)d min") % {"minutes": minutes}
    if minutes:
        return _("%(minutes)d min %(seconds)02d s") % {"minutes": minutes, "seconds": seconds % 60}
    return _("%(seconds)d s") % {"seconds": seconds}


def long_span(span: timedelta) -> str:
    """Format roughly how long something has lasted, in words with one unit."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return _("less than a minute")
    if seconds >= 86400:
        return ngettext("%(n)d day", "%(n)d days", seconds // 86400) % {"n": seconds // 86400}
    if seconds >= 3600:
        return ngettext("%(n)d hour", "%(n)d hours", seconds // 3600) % {"n": seconds // 3600}
    return ngettext("%(n)d minute", "%(n)d minutes", seconds // 60) % {"n": seconds // 60}


def ago(at: datetime) -> str:
    """Format roughly how long ago a time is. Always shown together with the exact time."""
    seconds = int((timezone.now() - at).total_seconds())
    if seconds < 60:
        return _("just now")
    if seconds < 3600:
        return ngettext("%(n)d min ago", "%(n)d min ago", seconds // 60) % {"n": seconds // 60}
    if seconds < 86400:
        return ngettext("%(n)d h ago", "%(n)d h ago", seconds // 3600) % {"n": seconds // 3600}
    return ngettext("%(n)d day ago", "%(n)d days ago", seconds // 86400) % {"n": seconds // 86400}


def full_time(at: datetime) -> str:
    """Format a time with date, seconds and time zone."""
    local = timezone.localtime(at)
    return f"{day(local)} {local:%H:%M:%S} {local.tzname()}"


def date_time(at: datetime) -> str:
    """Format a time for tables that go to accounting: always with its date."""
    local = timezone.localtime(at)
    return f"{day(local)} {local:%H:%M}"


def short_time(at: datetime, *, seconds: bool = False) -> str:
    """Format the time of day, with the date unless it is today, and with the year unless it is the current one."""
    local, now = timezone.localtime(at), timezone.localtime()
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    if local.date() == now.date():
        return clock
    if local.year != now.year and _formats.get().dates not in _DAYS:
        return f"{date_format(local, pgettext('date format', 'j M Y'))} {clock}"
    return f"{day(local, is_short=True)} {clock}"


def moment(at: datetime | None, *, seconds: bool = False, never: str = "", with_date: bool = False) -> SafeString:
    """Return a time in the user's time zone, with zone and age as tooltip."""
    if at is None:
        return dash(never)
    local = timezone.localtime(at)
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return format_html(
        '<time datetime="{}" title="{} · {}">{}</time>',
        at.isoformat(timespec="milliseconds"),
        full_time(at),
        ago(at),
        f"{day(local, is_short=True)} {clock}" if with_date else short_time(at, seconds=seconds),
    )


def clock_text(offset_ms: int | None) -> str:
    """Describe the offset of a station's clock from ours."""
    if offset_ms is None:
        return _("not measured yet")
    if abs(offset_ms) < 2000:
        return _("in sync (%(seconds)s s)") % {"seconds": number(Decimal(offset_ms) / 1000, 1)}
    off = duration_text(timedelta(milliseconds=abs(offset_ms)))
    return (_("%(span)s fast") if offset_ms > 0 else _("%(span)s slow")) % {"span": off}
