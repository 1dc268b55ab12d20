"""The audit log of the teams that a user administers; support staff see all of it."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can
from accounts.audit.labels import ACTIONS, DOWNLOADED, action_of, changes_of, describe_changes, kind_of, object_of
from accounts.audit.models import AuditEntry
from accounts.audit.services import DOWNLOAD, TRACKED, Action
from cpms.common.web.export import Cell
from cpms.common.web.filters import DateTimeFilter
from cpms.common.web.pages import ListPage
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines

SELECT = forms.Select(attrs={"class": "form-select"})
MAX_SHOWN = 6


def _kinds() -> list[tuple[str, str]]:
    """Return the kinds of objects that entries can be about, as choices."""
    listed = (page.model for page in ListPage.exported.values())
    models: set[type[Model]] = {*TRACKED, apps.get_model("operations", "Command"), *listed}
    return sorted((model._meta.label_lower, capfirst(str(model._meta.verbose_name))) for model in models)


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "form-control"}, format="%Y-%m-%dT%H:%M")


class AuditFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=gettext_lazy("Person or object"), method="search")
    action = django_filters.ChoiceFilter(
        label=gettext_lazy("Action"),
        choices=[
            *((action.value, label) for action, label in ACTIONS.items()),
            (DOWNLOADED, gettext_lazy("Downloaded")),
        ],
        method="by_action",
        widget=SELECT,
    )
    kind = django_filters.ChoiceFilter(label=gettext_lazy("Object"), choices=(), method="by_kind", widget=SELECT)
    start = DateTimeFilter(label=gettext_lazy("From"), field_name="timestamp", lookup_expr="gte", widget=MomentInput)
    end = DateTimeFilter(label=gettext_lazy("Before"), field_name="timestamp", lookup_expr="lt", widget=MomentInput)

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["kind"].extra["choices"] = _kinds()

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        value = value.strip()
        return rows.filter(Q(object_repr__icontains=value) | Q(actor_email__icontains=value))

    def by_action(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == DOWNLOADED:
            return rows.filter(action=Action.ACCESS, changes__has_key=DOWNLOAD)
        return rows.filter(action=value).exclude(changes__has_key=DOWNLOAD)

    def by_kind(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        app, _dot, model = value.partition(".")
        return rows.filter(content_type=ContentType.objects.get_by_natural_key(app, model))


class AuditTable(Table):
    timestamp = MomentColumn(verbose_name=gettext_lazy("Time"), seconds=True)
    actor = tables.Column(verbose_name=gettext_lazy("Who"), empty_values=(), attrs={"td": {"class": "rhs"}})
    object_repr = tables.Column(verbose_name=gettext_lazy("What"), empty_values=(), attrs={"td": {"class": ""}})
    changes = tables.Column(verbose_name=gettext_lazy("Changes"), empty_values=(), attrs=WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_actor(self, record: Any) -> SafeString:
        return two_lines(record.actor_email or _("the system"), record.remote_addr or "")

    def render_object_repr(self, record: Any) -> SafeString:
        return two_lines(object_of(record), f"{kind_of(record)} · {action_of(record)}")

    def render_changes(self, record: Any) -> SafeString:
        lines = changes_of(record)
        rows = format_html_join("", '<span class="s">{}</span>', ([line] for line in lines[:MAX_SHOWN]))
        return format_html("{}{}", rows, "…" if len(lines) > MAX_SHOWN else "")


AUDIT_CELLS = [
    Cell(gettext_lazy("Time"), lambda entry: entry.timestamp, is_time=True),
    Cell(gettext_lazy("Who"), lambda entry: entry.actor_email or ""),
    Cell(gettext_lazy("Address"), lambda entry: entry.remote_addr or ""),
    Cell(gettext_lazy("Team"), lambda entry: entry.team.name if entry.team else ""),
    Cell(gettext_lazy("Object"), kind_of),
    Cell(gettext_lazy("What"), object_of),
    Cell(gettext_lazy("Action"), action_of),
    Cell(gettext_lazy("Changes"), describe_changes),
]


class AuditListView(ListPage):
    model = AuditEntry
    table_class = AuditTable
    filterset_class = AuditFilterSet
    template_name = "accounts/audit/audit.html"
    export_name = "audit-log"
    export_cells = AUDIT_CELLS
    is_newest_first = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.access.scope(Can.MANAGE_TEAM):
            raise PermissionDenied(_("Only administrators of the team can see its audit log."))
        return super().dispatch(request, *args, **kwargs)

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("content_type", "team")
