"""Template tags and filters for numbers, times and statuses, shared by all pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString

from cpms.common.web import formatting
from cpms.common.web.countries import country_name
from cpms.common.web.panels import Panel

register = template.Library()

register.simple_tag(formatting.icon, name="icon")
register.simple_tag(formatting.dash, name="dash")
register.simple_tag(formatting.tick, name="tick")
register.filter("kwh", formatting.kwh)
register.filter("country", country_name)
register.filter("kw", formatting.kw)
register.filter("phone_link", formatting.phone_link)
register.filter("amperes", formatting.amperes)
register.filter("clock_text", formatting.clock_text)
register.filter("ago", formatting.ago)
register.filter("full_time", formatting.full_time)
register.filter("date_time", formatting.date_time)


@register.simple_tag
def status(kind: str, label: str, title: str = "", live: Any = "", stale: Any = "") -> SafeString:
    return formatting.status(kind, label, title=title, is_live=bool(live), is_stale=bool(stale))


@register.simple_tag
def moment(at: datetime | None, never: str = "", seconds: Any = "") -> SafeString:
    return formatting.moment(at, seconds=bool(seconds), never=never)


@register.simple_tag(takes_context=True)
def panel(context: template.Context, shown: Panel) -> SafeString:
    """Render a panel with its own context, to which the page adds the request and whether this is a live update."""
    own = context.new({name: context.get(name) for name in ("request", "is_live", "csrf_token")} | dict(shown.context))
    rendered: SafeString = context.template.engine.get_template(shown.template).render(own)  # type: ignore[union-attr]
    return rendered


@register.filter
def log_time(at: datetime) -> str:
    """Format a time with milliseconds, since the order of messages matters, and with the date unless it is today."""
    local = timezone.localtime(at)
    day = "" if local.date() == timezone.localdate() else f"{formatting.day(local, is_short=True)} "
    return f"{day}{local:%H:%M:%S}.{local.microsecond // 1000:03d}"


@register.filter
def count(value: int) -> str:
    """Format a count with thousands separators."""
    return formatting.number(value)


@register.filter
def places(value: float | None, digits: int = 1) -> str:
    return formatting.DASH if value is None else formatting.number(value, digits)


@register.filter
def span(value: timedelta | None) -> str:
    return formatting.DASH if value is None else formatting.duration_text(value)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """Return the page's query string with some parameters changed; None removes a parameter."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value is not None:
            parameters[name] = value
    return f"?{parameters.urlencode()}"


@register.filter
def chosen_options(filterset: Any, name: str) -> list[Any]:
    """Return the chosen options of a counted filter."""
    options: list[Any] = filterset.chosen_options(name)
    return options
