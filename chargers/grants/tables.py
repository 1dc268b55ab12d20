"""The table, filters and export columns of the list of access."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import GrantRole
from accounts.models import Grant
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, MomentColumn, Table, two_lines
from cpms.common.web.widgets import SELECT


class GrantFilterSet(django_filters.FilterSet):
    STATES = [("active", gettext_lazy("Active")), ("over", gettext_lazy("Ended or revoked"))]
    SIDES = [("given", gettext_lazy("Granted by us")), ("held", gettext_lazy("Granted to me or my teams"))]

    q = django_filters.CharFilter(label=gettext_lazy("Person, team, station or installation"), method="search")
    role = django_filters.ChoiceFilter(label=gettext_lazy("Role"), choices=GrantRole.choices, widget=SELECT)
    state = django_filters.ChoiceFilter(label=gettext_lazy("Status"), choices=STATES, method="by_state", widget=SELECT)
    side = django_filters.ChoiceFilter(label=gettext_lazy("Direction"), choices=SIDES, method="by_side", widget=SELECT)

    class Meta:
        model = Grant
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        value = value.strip()
        names = (
            "user__email", "user__first_name", "user__last_name", "to_team__name", "to_team__handle",
            "station__identity", "station__name", "installation__name",
        )  # fmt: skip
        condition = Q()
        for name in names:
            condition |= Q(**{f"{name}__icontains": value})
        return rows.filter(condition)

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "active":
            return rows.active()  # type: ignore[attr-defined]
        return rows.filter(Q(withdrawn_at__isnull=False) | Q(ends_at__lte=timezone.now()))

    def by_side(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        held = Q(user=self.request.user) | Q(to_team__in=self.request.user.access.team_ids)
        return rows.filter(held) if value == "held" else rows.exclude(held)


def status_label(grant: Grant) -> str:
    if grant.is_active:
        return _("Active")
    was_withdrawn = grant.withdrawn_at is not None and (grant.ends_at is None or grant.withdrawn_at < grant.ends_at)
    return _("Revoked") if was_withdrawn else _("Ended")


def place_label(grant: Grant) -> str:
    return grant.station.identity if grant.station else str(grant.installation)


class GrantTable(Table):
    """Rows need the attributes `may_change`, `may_give_tags` and `may_withdraw`, which the view sets."""

    holder = tables.Column(
        verbose_name=gettext_lazy("Granted to"),
        empty_values=(),
        orderable=True,
        order_by=("user__email", "to_team__name"),
    )
    place = tables.Column(
        verbose_name=gettext_lazy("Access to"),
        empty_values=(),
        orderable=True,
        order_by=("installation__name", "station__identity"),
        attrs=WIDE,
    )
    role = tables.Column(verbose_name=gettext_lazy("Role"), orderable=True, attrs={"td": {"class": "rhs"}})
    ends_at = MomentColumn(
        verbose_name=gettext_lazy("Ends"),
        orderable=True,
        never=gettext_lazy("No end date."),
        attrs=NUMBER_WIDE,
    )
    created_at = MomentColumn(verbose_name=gettext_lazy("Granted"), orderable=True, attrs=NUMBER_WIDE)
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs"}})

    class Meta(Table.Meta):
        order_by = "-created_at"

    def render_holder(self, record: Grant) -> SafeString:
        name = str(record.holder)
        second = _("team") if record.user is None else ("" if record.user.email == name else record.user.email)
        return format_html(
            '{}<span class="s o">{}</span><span class="s phone">{}</span>',
            name,
            second or "\u00a0",
            place_label(record),
        )

    def render_place(self, record: Grant) -> SafeString:
        if record.station:
            link = format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity)
            return two_lines(link, record.station.name)
        place: Any = record.installation
        link = format_html('<a href="{}">{}</a>', place.get_absolute_url(), place.name)
        return two_lines(link, _("whole installation"))

    def render_role(self, record: Grant) -> SafeString:
        return two_lines(record.get_role_display(), status_label(record))

    def render_action(self, record: Any) -> SafeString:
        edit = '<a class="btn btn-sm" href="{}">{}</a>'
        ask = '<button type="button" class="btn btn-sm quiet-danger" hx-get="{}" hx-target="#ask">{}</button>'
        parts = []
        if record.may_give_tags:
            parts.append((format_html(edit, reverse("access:driver_tags", args=[record.pk]), _("Tags")),))
        if record.may_change:
            parts.append((format_html(edit, reverse("access:grant_edit", args=[record.pk]), _("Edit")),))
        if record.may_withdraw:
            parts.append((format_html(ask, reverse("access:grant_withdraw", args=[record.pk]), _("Revoke")),))
        return format_html('<span class="btn-row end">{}</span>', format_html_join("", "{}", parts))


GRANT_CELLS = [
    Cell(gettext_lazy("Person"), lambda grant: grant.user.email if grant.user else ""),
    Cell(gettext_lazy("Team"), lambda grant: grant.to_team.handle if grant.to_team else ""),
    Cell(gettext_lazy("Installation"), lambda grant: str(grant.installation or "")),
    Cell(gettext_lazy("Station"), lambda grant: grant.station.identity if grant.station else ""),
    Cell(gettext_lazy("Role"), lambda grant: grant.get_role_display()),
    Cell(gettext_lazy("Status"), status_label),
    Cell(gettext_lazy("Ends"), lambda grant: grant.ends_at, is_time=True),
    Cell(gettext_lazy("Revoked"), lambda grant: grant.withdrawn_at, is_time=True),
    Cell(gettext_lazy("Granted"), lambda grant: grant.created_at, is_time=True),
    Cell(gettext_lazy("Granted by"), lambda grant: str(grant.created_by or "")),
    Cell(gettext_lazy("Owner"), lambda grant: grant.team.name),
]
