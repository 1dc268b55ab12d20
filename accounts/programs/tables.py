"""Table of a user's API tokens."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.models import ApiToken
from cpms.common.web import formatting
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines


class ApiTokenTable(Table):
    name = tables.Column(verbose_name=gettext_lazy("Token"))
    scopes = tables.Column(verbose_name=gettext_lazy("Permissions"), empty_values=(), attrs=WIDE)
    created = MomentColumn(verbose_name=gettext_lazy("Created"), attrs=WIDE)
    last_used_at = MomentColumn(verbose_name=gettext_lazy("Last used"), never=gettext_lazy("Not used yet."), attrs=WIDE)
    expiry_date = tables.Column(verbose_name=gettext_lazy("Expires"), empty_values=(), attrs=WIDE)
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs do"}})

    class Meta(Table.Meta):
        order_by = ()

    def render_name(self, record: ApiToken) -> SafeString:
        """Render the name; on phones also the scopes and expiry, whose columns are hidden there."""
        shown = two_lines(record.name, format_html('<span class="mono nowrap">{}…</span>', record.prefix))
        scopes = self.render_scopes(record.scopes)
        if record.expiry_date is None:
            return format_html('{}<span class="s phone">{}</span>', shown, scopes)
        return format_html('{}<span class="s phone">{} · {}</span>', shown, scopes, self._render_expiry(record))

    def _render_expiry(self, record: ApiToken) -> SafeString:
        template = _("expired {time}") if record.has_expired else _("expires {time}")
        return format_html(template, time=formatting.moment(record.expiry_date))

    def render_scopes(self, value: list[str]) -> SafeString | str:
        return format_html_join(" ", "<code>{}</code>", ([scope] for scope in value)) or _("Full access")

    def render_expiry_date(self, record: ApiToken) -> SafeString:
        expiry = formatting.moment(record.expiry_date, never=_("No end date."))
        return format_html(_("expired {time}"), time=expiry) if record.has_expired else expiry

    def render_action(self, record: ApiToken) -> SafeString:
        if record.revoked:
            return formatting.status("neutral", _("Revoked"))
        if record.has_expired:
            return formatting.status("neutral", _("Expired"))
        return format_html(
            '<button type="button" class="btn btn-sm quiet-danger" hx-get="{}" hx-target="#ask">{}</button>',
            reverse("accounts:api_token_revoke", args=[record.prefix]),
            _("Revoke token"),
        )
