"""Labels of tags: their status, and where and when they are valid, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chargers.tags.models import Tag
from cpms.common.web import formatting

TO = "\u2013"  # an en dash


def status_badge(tag: Tag) -> SafeString:
    now = timezone.now()
    if tag.status == Tag.Status.BLOCKED:
        return formatting.status("bad", _("Blocked"))
    if tag.expires_at is not None and tag.expires_at <= now:
        return formatting.status("warn", _("Expired"))
    if tag.valid_from is not None and tag.valid_from > now:
        return formatting.status("neutral", _("Not valid yet"))
    return formatting.status("good", _("Accepted"))


def scope_label(tag: Tag, counts: Mapping[str, int]) -> str:
    """Return where a tag is valid, such as "2 installations, 1 station".

    Args:
        counts: how many stations, installations and groups are selected.
    """
    if tag.scope == Tag.Scope.ALL:
        return _("All stations") if tag.team_id is not None else _("Wherever its holder has access")
    parts = []
    if n := counts.get("installations", 0):
        parts.append(ngettext("%(n)d installation", "%(n)d installations", n) % {"n": n})
    if n := counts.get("groups", 0):
        parts.append(ngettext("%(n)d group", "%(n)d groups", n) % {"n": n})
    if n := counts.get("stations", 0):
        parts.append(ngettext("%(n)d station", "%(n)d stations", n) % {"n": n})
    return ", ".join(parts) or _("Nowhere: nothing is selected")


def window_label(window: Mapping[str, Any]) -> str:
    """Return a time window in words, such as "Mon-Fri 07:00-19:00" with en dashes."""
    start, end = window["from"], window["to"]
    if start == end == "00:00":
        times = _("all day")
    elif end == "00:00":
        times = f"{start}{TO}24:00"
    else:
        times = f"{start}{TO}{end}"
        if end <= start:
            times = _("%(times)s (next day)") % {"times": times}
    return f"{days_label(window['days'])} {times}"


def days_label(days: Sequence[int]) -> str:
    """Return days as ranges, such as "Mon-Fri, Sun"."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(_run_label(run) for run in runs)


def _run_label(run: Sequence[int]) -> str:
    first, last = WEEKDAYS_ABBR[run[0] - 1], WEEKDAYS_ABBR[run[-1] - 1]
    if len(run) == 1:
        return str(first)
    return f"{first}, {last}" if len(run) == 2 else f"{first}{TO}{last}"
