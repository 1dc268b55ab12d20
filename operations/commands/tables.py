"""The table and the export columns of commands."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, MomentColumn, Table, two_lines
from operations.commands import labels
from operations.commands.models import Command


def status_badge(command: Command) -> SafeString:
    """Return the state of a command as a badge."""
    return formatting.status(labels.BADGE_KINDS[Command.State(command.state)], command.get_state_display())


class CommandTable(Table):
    kind = tables.Column(verbose_name=gettext_lazy("Command"))
    station = tables.Column(verbose_name=gettext_lazy("Station"), attrs=WIDE)
    state = tables.Column(verbose_name=gettext_lazy("Status"), attrs={"td": {"class": "rhs"}})
    requested_by = tables.Column(verbose_name=gettext_lazy("Requested by"), empty_values=(), attrs=WIDE)
    requested_at = MomentColumn(verbose_name=gettext_lazy("Requested"), seconds=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_kind(self, record: Command) -> SafeString:
        link = format_html(
            '<a href="{}" id="command-{}">{}</a>',
            reverse("operations:command_detail", args=[record.pk]),
            record.pk,
            record.get_kind_display(),
        )
        return two_lines(link, labels.parameters_text(record))

    def render_station(self, record: Command) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity)

    def render_state(self, record: Command) -> SafeString:
        return format_html(
            '<span data-v="command-{}">{}</span><span class="s">{}</span>',
            record.pk,
            status_badge(record),
            labels.result_text(record),
        )

    def render_requested_by(self, record: Command) -> str:
        return labels.requester_label(record)


COMMAND_CELLS = [
    Cell(gettext_lazy("Command"), lambda command: command.get_kind_display()),
    Cell(gettext_lazy("Details"), labels.parameters_text),
    Cell(gettext_lazy("Station"), lambda command: command.station.identity),
    Cell(gettext_lazy("Status"), lambda command: command.get_state_display()),
    Cell(gettext_lazy("Result"), labels.result_text),
    Cell(
        gettext_lazy("Requested by"), lambda command: labels.requester_label(command) if command.requested_by_id else ""
    ),
    Cell(gettext_lazy("Requested"), lambda command: command.requested_at, is_time=True),
    Cell(gettext_lazy("Sent"), lambda command: command.sent_at, is_time=True),
    Cell(gettext_lazy("Completed"), lambda command: command.settled_at, is_time=True),
]
