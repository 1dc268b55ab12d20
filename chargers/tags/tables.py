"""The table of tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers.tags.labels import scope_label, status_badge
from chargers.tags.models import Tag
from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines


class TickColumn(tables.Column):
    """A tick box per row for the bulk bar, and one in the head for all rows of the page."""

    def __init__(self) -> None:
        super().__init__(empty_values=(), orderable=False)

    @property
    def header(self) -> SafeString:
        return format_html(
            '<input class="form-check-input" type="checkbox" data-tick-all="bulk" aria-label="{}">',
            _("Select all rows of this page"),
        )

    def render(self, record: Any) -> SafeString:
        if not record.may_edit:
            return SafeString()
        return format_html(
            '<input class="form-check-input" type="checkbox" name="pk" value="{}" form="bulk" aria-label="{}">',
            record.pk,
            _("Select %(name)s") % {"name": record},
        )


class TagTable(Table):
    tick = TickColumn()
    value = tables.Column(verbose_name=gettext_lazy("RFID tag"), orderable=True)
    state = tables.Column(verbose_name=gettext_lazy("Status"), empty_values=(), attrs={"td": {"class": "rhs"}})
    scope = tables.Column(verbose_name=gettext_lazy("Valid at"), empty_values=(), attrs=WIDE)
    kind = tables.Column(verbose_name=gettext_lazy("Type"), attrs=WIDE)
    user = tables.Column(verbose_name=gettext_lazy("Person"), empty_values=(), attrs=WIDE)
    team = tables.Column(verbose_name=gettext_lazy("Team"), empty_values=(), attrs=WIDE)
    expires_at = MomentColumn(
        verbose_name=gettext_lazy("Expires"), orderable=True, never=gettext_lazy("Does not expire."), attrs=WIDE
    )

    class Meta(Table.Meta):
        attrs = {"class": "tbl cardtbl ticks"}
        order_by = "value"

    def render_value(self, record: Tag) -> SafeString:
        link = format_html('<a href="{}" class="mono">{}</a>', record.get_absolute_url(), record.value)
        return two_lines(link, record.label)

    def render_state(self, record: Tag) -> SafeString:
        return status_badge(record)

    def render_scope(self, record: Any) -> str:
        return scope_label(record, record.selected)

    def render_user(self, record: Tag) -> SafeString | str:
        return str(record.user) if record.user else formatting.dash(_("Not assigned."))

    def render_team(self, record: Tag) -> SafeString | str:
        return str(record.team) if record.team else formatting.dash(_("A personal tag."))


def columns_without_news(records: Iterable[Any]) -> set[str]:
    """Return the columns that would show the same on each of these rows: they tell the reader nothing."""
    rows = list(records)
    same = {
        "tick": not any(row.may_edit for row in rows),
        "scope": all(row.scope == Tag.Scope.ALL for row in rows),
        "kind": all(row.kind == Tag.Kind.OTHER for row in rows),
        "user": not any(row.user_id for row in rows),
        "team": len({row.team_id for row in rows}) == 1,
        "expires_at": not any(row.expires_at for row in rows),
    }
    return {name for name, is_same in same.items() if is_same}


TAG_CELLS = [
    Cell(gettext_lazy("RFID tag"), lambda tag: tag.value),
    Cell(gettext_lazy("Note"), lambda tag: tag.label),
    Cell(gettext_lazy("Status"), lambda tag: tag.get_status_display()),
    Cell(gettext_lazy("Type"), lambda tag: tag.get_kind_display()),
    Cell(gettext_lazy("Valid at"), lambda tag: tag.get_scope_display()),
    Cell(gettext_lazy("Person"), lambda tag: tag.user.email if tag.user else ""),
    Cell(gettext_lazy("Team"), lambda tag: tag.team.name if tag.team else ""),
    Cell(gettext_lazy("Valid from"), lambda tag: tag.valid_from, is_time=True),
    Cell(gettext_lazy("Expires"), lambda tag: tag.expires_at, is_time=True),
]
