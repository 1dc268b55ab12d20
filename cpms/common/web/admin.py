"""The back office of our support staff: quick with a million rows, read-only where stations report, grouped by use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import ShowFacets, sites
from django.core.paginator import Page, Paginator
from django.db import connection, models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from import_export.tmp_storages import CacheStorage
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList

from cpms.common.database.paging import FEW_STATIONS, narrowed, of_stations, page_of
from cpms.common.models import OfStationsQuerySet
from cpms.common.text.lines import validate_line

COUNTED = 10_000  # rows that are counted; beyond, a number of rows tells nobody anything


MAX_PAGED = 50_000  # rows


STATIONS_FOUND = 200


PEOPLE, STATIONS, CHARGING, REPORTS, LOGS, SITE = (
    _("People and teams"),
    _("Stations"),
    _("Charging"),
    _("Reports of stations"),
    _("Messages"),
    _("Site"),
)


GROUPS = (STATIONS, CHARGING, PEOPLE, LOGS, REPORTS, SITE)


INDIGO = {  # the portal's accent
    "50": "#eef2ff",
    "100": "#e0e7ff",
    "200": "#c7d2fe",
    "300": "#a5b4fc",
    "400": "#818cf8",
    "500": "#6366f1",
    "600": "#4f46e5",
    "700": "#4338ca",
    "800": "#3730a3",
    "900": "#312e81",
    "950": "#1e1b4b",
}


class BackOffice(UnfoldAdminSite):
    """Unfold's site with our title and menu, and with the scripts that our content security policy allows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._menus: dict[str, list[dict[str, Any]]] = {}  # by language

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return the list that each page is given, made only for the few that show it: it costs a third of a page."""
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """One's own password has one door: it signs out other browsers and writes a mail."""
        return redirect("accounts:password_change")

    def _get_config(self, key: str, *args: Any) -> Any:
        """Unfold asks for each of some thirty keys on every page: only what is asked for is made."""
        match key:
            case "SITE_TITLE" | "SITE_HEADER":
                return _("Administration")
            case "SITE_SYMBOL":
                return "ev_station"
            case "SITE_FAVICONS":
                return [{"rel": "icon", "type": "image/svg+xml", "href": static("favicon.svg")}]
            case "SIDEBAR":
                return {"show_search": True, "command_search": False, "navigation": self._menu()}
            case "COLORS":
                return super()._get_config(key, *args) | {"primary": dict(INDIGO)}
        return super()._get_config(key, *args)

    def _get_list(self, key: str, *args: Any) -> list[Any]:
        found: list[Any] = super()._get_list(key, *args)
        return [*found, static("js/admin.js")] if key == "SCRIPTS" else found

    def _menu(self) -> list[dict[str, Any]]:
        """Return the sidebar's groups, made from what the admins of the models say: this module knows no app.

        Unfold asks for it three times on every page, so it is made once for each language.
        """
        language = get_language() or ""
        if language not in self._menus:
            self._menus[language] = self._make_menu()
        return self._menus[language]  # Unfold copies it before it marks what is open

    def _make_menu(self) -> list[dict[str, Any]]:
        groups: dict[Promise | str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for model, model_admin in self._registry.items():
            if not isinstance(model_admin, BackOfficeAdmin):
                continue
            meta = model._meta
            item = {
                "title": capfirst(str(meta.verbose_name_plural)),
                "icon": model_admin.menu_icon,
                "link": reverse(f"{self.name}:{meta.app_label}_{meta.model_name}_changelist"),
            }
            groups[model_admin.menu_group].append((model_admin.menu_place, item))
        return [
            {"title": group, "items": [item for _place, item in sorted(groups[group], key=lambda entry: entry[0])]}
            for group in GROUPS
            if groups[group]
        ]


class BoundedPaginator(Paginator):
    """Pages without `count(*)` over a big table: PostgreSQL's own estimate, or counting until it is enough.

    Args:
        stations: keys of the only stations whose rows are listed, where the caller knows that they are few.
    """

    def __init__(self, *args: Any, stations: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stations = stations

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        if not rows.query.where and (estimate := _estimate(rows.model)) > COUNTED:
            return estimate
        if self.first_rows is not None and len(self.first_rows) <= self.per_page:
            return min(len(self.first_rows), COUNTED + 1)
        return narrowed(rows, self.stations).order_by()[: COUNTED + 1].count()

    @cached_property
    def first_rows(self) -> list[Any] | None:
        """Of the first page and one more, where something is searched: for something rare, that goes through all."""
        rows: Any = self.object_list
        if not rows.query.where:
            return None
        return page_of(rows, 0, self.per_page + 1, stations=self.stations, is_by_key=True)

    @cached_property
    def num_pages(self) -> int:
        """Whoever wants what is further back searches for it: pages are found by counting through those before."""
        return min(super().num_pages, MAX_PAGED // self.per_page)

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return super().page(number)
        if number == 1 and self.first_rows is not None:
            return Page(self.first_rows[: self.per_page], number, self)
        return Page(page_of(rows, start, start + self.per_page, stations=self.stations), number, self)


def _estimate(model: type[models.Model]) -> int:
    """What the last ANALYZE saw, over all partitions; 0 where nobody knows."""
    if connection.vendor != "postgresql":
        return 0
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE((SELECT sum(greatest(part.reltuples, 0)) FROM pg_partition_tree(%s::regclass) AS tree "
            "JOIN pg_class AS part ON part.oid = tree.relid WHERE tree.isleaf), "
            "(SELECT reltuples FROM pg_class WHERE oid = %s::regclass), 0)",
            [table, table],
        )
        return int(cursor.fetchone()[0])


class QuickChangeList(ChangeList):
    """Sorted by nothing but what is offered; a search is made once where all that it found fits on the page."""

    def get_ordering_field(self, field_name: Any) -> Any:
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list


class BackOfficeAdmin(ModelAdmin):
    """Support staff may do what the admin of a model offers; there are no permissions below that."""

    menu_group: ClassVar[Promise | str] = STATIONS
    menu_icon: ClassVar[str] = "circle"
    menu_place: ClassVar[int] = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 50
    list_filter_submit = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QuickChangeList

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Names and labels are one line here as everywhere."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and type(db_field) is models.CharField:
            field.validators.append(validate_line)
        return field

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_staff(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_staff(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Only what the person changed: a gateway may have written the rest of the row since the page was opened."""
        if not change:
            obj.save()
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=[name for name in form.changed_data if name in columns])


class ReportAdmin(BackOfficeAdmin):
    """What stations reported or the system wrote down: to read, not to change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class StaffInlineMixin:
    """Inlines ask for permissions of their own."""

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)


class StationSearchMixin(BackOfficeAdmin):
    """Search big tables by station or number: both have an index, which 'contains' in many columns has not."""

    search_fields = ("station__identity",)
    search_help_text = _("Part of a station's identity, or a number")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        stations = self.model._meta.get_field("station").related_model._default_manager
        keys = list(
            stations.filter(identity__icontains=term).order_by("pk").values_list("pk", flat=True)[:STATIONS_FOUND]
        )
        if isinstance(queryset, OfStationsQuerySet) and not term.isdecimal():
            request.few_stations_found = keys if len(keys) <= FEW_STATIONS else None  # type: ignore[attr-defined]
            return of_stations(queryset, keys), False
        found = Q(station_id__in=keys)
        if term.isdecimal() and len(term) < 20 and term == str(int(term)) and queryset.filter(pk=int(term)).exists():
            found |= Q(pk=int(term))  # only then: 'or' keeps the database from taking rows in their order
        return queryset.filter(found), False

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Paginator:
        """The pages of a log know the few stations that were searched for."""
        return self.paginator(*args, stations=getattr(request, "few_stations_found", None), **kwargs)


class LogAdmin(StationSearchMixin):
    """A log too big to be sorted otherwise than it has indexes: what came last first, within a period the latest."""

    time_field: ClassVar[str] = "at"
    sortable_by: Sequence[str] = ()

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        period = (f"{self.time_field}_from", f"{self.time_field}_to")
        is_of_period = any(name.startswith(period) and value for name, value in request.GET.items())
        return [f"-{self.time_field}", "-id"] if is_of_period and not request.GET.get("q") else ["-id"]


class UploadStorage(CacheStorage):
    """An uploaded file waits for its confirmation in the cache: any node finds it, and it goes by itself."""

    CACHE_LIFETIME = 3600


def _is_staff(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


admin.site = sites.site = BackOffice()


class OfStationAdmin(StationSearchMixin, ReportAdmin):
    """Rows that belong to a station."""

    list_select_related = ["station"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("station__password")
