"""Tables of a user's passkeys and signed-in browsers."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.sign_in.models import SignedInBrowser
from cpms.common.web import formatting
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines
from cpms.common.web.user_agents import browser_label


def row_button(name: str, pk: int, label: str, about: object, *, is_danger: bool = False) -> SafeString:
    """Return a button that opens the dialog of one row.

    Args:
        name: URL name of the dialog.
        about: the row, added to the label for screen readers.
    """
    return format_html(
        '<button type="button" class="btn btn-sm {}" hx-get="{}" hx-target="#ask"><span>{}</span>'
        '<span class="sr"> {}</span></button>',
        "quiet-danger" if is_danger else "",
        reverse(name, args=[pk]),
        label,
        about,
    )


class KeyTable(Table):
    """A person's passkeys."""

    name = tables.Column(verbose_name=gettext_lazy("Passkey"), empty_values=())
    last_used_at = MomentColumn(verbose_name=gettext_lazy("Last used"), never=gettext_lazy("Not used yet."), attrs=WIDE)
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs do"}})

    class Meta(Table.Meta):
        order_by = ()

    def render_name(self, record: Any) -> SafeString:
        return two_lines(record.wrap().name, _("added %(time)s") % {"time": formatting.date_time(record.created_at)})

    def render_action(self, record: Any) -> SafeString:
        about = record.wrap().name
        return format_html(
            '<span class="btn-row end">{}{}</span>',
            row_button("accounts:key_rename", record.pk, _("Rename"), about),
            row_button("accounts:factor_remove", record.pk, _("Remove"), about, is_danger=True),
        )


class BrowserTable(Table):
    """The browsers in which a user is signed in."""

    agent = tables.Column(verbose_name=gettext_lazy("Browser"), empty_values=())
    created_at = MomentColumn(verbose_name=gettext_lazy("Signed in"), attrs=WIDE)
    last_seen_at = MomentColumn(verbose_name=gettext_lazy("Last seen"), attrs={"td": {"class": "rhs"}})
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs do"}})

    class Meta(Table.Meta):
        order_by = ()

    def __init__(self, *args: Any, current: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current = current

    def render_agent(self, record: SignedInBrowser) -> SafeString:
        name: str = browser_label(record.agent)
        if record.session_key == self.current:
            name = format_html('{} <span class="ms-2">{}</span>', name, formatting.tick(True, _("this browser")))
        return two_lines(name, record.address or _("address not known"))

    def render_action(self, record: SignedInBrowser) -> SafeString | str:
        if record.session_key == self.current:
            return ""
        about = browser_label(record.agent)
        return row_button("accounts:browser_sign_out", record.pk, _("Sign out"), about, is_danger=True)
