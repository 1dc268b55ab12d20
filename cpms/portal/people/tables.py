"""The table of users."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines


class PersonTable(Table):
    tick = tables.Column(verbose_name="", empty_values=(), orderable=False)
    person = tables.Column(
        verbose_name=gettext_lazy("User"), empty_values=(), order_by=("last_name", "first_name", "email")
    )
    teams = tables.Column(verbose_name=gettext_lazy("Teams"), empty_values=(), orderable=False, attrs=WIDE)
    tags = tables.Column(verbose_name=gettext_lazy("Tags"), empty_values=(), orderable=False, attrs=WIDE)
    last_login = MomentColumn(
        verbose_name=gettext_lazy("Last sign-in"), never=gettext_lazy("Has not signed in yet."), attrs=WIDE
    )
    action = tables.Column(verbose_name="", empty_values=(), orderable=False, attrs={"td": {"class": "num rhs"}})

    class Meta(Table.Meta):
        attrs = {"class": "tbl cardtbl ticks"}
        order_by = "person"
        orderable = True

    def render_tick(self, record: User) -> SafeString:
        return format_html(
            '<input class="form-check-input" type="checkbox" name="user" value="{}" aria-label="{}">',
            record.pk,
            _("Select %(name)s") % {"name": record},
        )

    def render_person(self, record: User) -> SafeString:
        link = format_html('<a href="{}">{}</a>', reverse("portal:user_edit", args=[record.pk]), record)
        return two_lines(link, "" if str(record) == record.email else record.email)

    def render_teams(self, record: User) -> str:
        return ", ".join(str(membership.team) for membership in record.memberships.all())

    def render_tags(self, record: User) -> str:
        return ", ".join(str(tag) for tag in record.tags.all())

    def render_action(self, record: User) -> SafeString:
        return format_html(
            '<a class="btn btn-sm" href="{}">{}<span class="sr"> {}</span></a>',
            reverse("portal:user_edit", args=[record.pk]),
            _("Edit"),
            record,
        )
