"""Panels with totals of many sessions."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from cpms.common.web.panels import Panel


def power_of_day() -> Panel:
    """Return the chart of the total charging power over a day."""
    today = timezone.localdate()
    context = {"today": today, "yesterday": today - timedelta(days=1)}
    return Panel("sessions/insights/panels/power_of_day.html", context)


def sessions_per_day() -> Panel:
    """Return the chart of the number of sessions that started on each day."""
    today = timezone.localdate()
    context = {"today": today, "month_ago": today - timedelta(days=29)}
    return Panel("sessions/insights/panels/sessions_per_day.html", context)
