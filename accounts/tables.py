"""Tables of people's things."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiToken
from cpms.common import look
from cpms.common.tables import WIDE, MomentColumn, Table, two_lines


class ApiTokenTable(Table):
    name = tables.Column(verbose_name=gettext_lazy("Token"))
    created = MomentColumn(verbose_name=gettext_lazy("Created"), attrs=WIDE)
    last_used_at = MomentColumn(
        verbose_name=gettext_lazy("Last used"), never=gettext_lazy("It has not been used yet."), attrs=WIDE
    )
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs"}})

    def render_name(self, record: ApiToken) -> SafeString:
        return two_lines(record.name, format_html('<span class="mono">{}…</span>', record.prefix))

    def render_action(self, record: ApiToken) -> SafeString:
        if record.revoked:
            return look.status("neutral", _("Revoked"))
        if record.has_expired:
            return look.status("neutral", _("Expired"))
        return format_html(
            '<button type="button" class="btn btn-sm quiet-danger" hx-get="{}" hx-target="#ask">{}</button>',
            reverse("accounts:api_token_revoke", args=[record.prefix]),
            _("Revoke token"),
        )
