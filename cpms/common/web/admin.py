"""Django admin for support staff: fast with millions of rows, read-only for reported data, with a grouped menu."""

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

from cpms.common.database.paging import FEW_STATIONS, filter_by_stations, of_stations, page_of
from cpms.common.models import OfStationsQuerySet
from cpms.common.text.lines import validate_line

COUNT_LIMIT = 10_000  # rows are counted up to this number


MAX_PAGED = 50_000  # rows


STATIONS_FOUND = 200


PEOPLE, STATIONS, CHARGING, REPORTS, LOGS, SITE = (
    _("Users and teams"),
    _("Stations"),
    _("Charging"),
    _("Station reports"),
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
    """Unfold's admin site with our title and menu, and scripts that our content security policy allows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._menus: dict[str, list[dict[str, Any]]] = {}  # by language

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return the app list lazily: few pages show it, and building it takes a third of a page's time."""
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the portal's password page, which also signs out other browsers and sends an e-mail."""
        return redirect("accounts:password_change")

    def _get_config(self, key: str, *args: Any) -> Any:
        """Return one setting. Unfold reads about thirty of them on every page, so each is built on demand."""
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
        """Return the groups of the sidebar, built from the attributes of the model admins: this module knows no app.

        Unfold reads it three times on every page, so it is cached per language.
        """
        language = get_language() or ""
        if language not in self._menus:
            self._menus[language] = self._make_menu()
        return self._menus[language]  # Unfold copies it before it marks the open item

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
    """Pagination without `count(*)` of a big table: uses PostgreSQL's estimate, or counts up to a limit.

    Args:
        stations: keys of the only stations whose rows are listed, if known to be few.
    """

    def __init__(self, *args: Any, stations: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stations = stations

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        if not rows.query.where and (estimate := _estimate(rows.model)) > COUNT_LIMIT:
            return estimate
        if self.first_rows is not None and len(self.first_rows) <= self.per_page:
            return min(len(self.first_rows), COUNT_LIMIT + 1)
        return filter_by_stations(rows, self.stations).order_by()[: COUNT_LIMIT + 1].count()

    @cached_property
    def first_rows(self) -> list[Any] | None:
        """The rows of the first page and one more, if there are conditions: rare matches need a scan of all rows."""
        rows: Any = self.object_list
        if not rows.query.where:
            return None
        return page_of(rows, 0, self.per_page + 1, stations=self.stations, is_by_key=True)

    @cached_property
    def num_pages(self) -> int:
        """The number of pages, limited since a later page has to skip all rows before it. Searches find older rows."""
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
    """Return the row count of the last ANALYZE over all partitions, or 0 if unknown."""
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
    """A change list that sorts by the offered columns only, and runs a search once if its results fit on one page."""

    def get_ordering_field(self, field_name: Any) -> Any:
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list


class BackOfficeAdmin(ModelAdmin):
    """Base of all model admins. Support staff may do everything that a model's admin offers, without permissions."""

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
        """Reject line breaks in single-line texts, as everywhere else."""
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
        """Save only the changed fields: a gateway may have updated the rest of the row since the page was opened."""
        if not change:
            obj.save()
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=[name for name in form.changed_data if name in columns])


class ReportAdmin(BackOfficeAdmin):
    """A read-only admin for data that stations reported or the system recorded."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class StaffInlineMixin:
    """Permissions for inlines, which Django checks separately."""

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return _is_staff(request)


class StationSearchMixin(BackOfficeAdmin):
    """Searches big tables by station or number, which have an index, unlike a search in many columns."""

    search_fields: tuple[str, ...] = ("station__identity",)
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
            request.found_station_keys = keys if len(keys) <= FEW_STATIONS else None  # type: ignore[attr-defined]
            return of_stations(queryset, keys), False
        found = Q(station_id__in=keys)
        if term.isdecimal() and len(term) < 20 and term == str(int(term)) and queryset.filter(pk=int(term)).exists():
            found |= Q(pk=int(term))  # only if it exists: OR keeps the database from reading rows in their order
        return queryset.filter(found), False

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Paginator:
        """Pass the keys of the found stations to the paginator, if they are few."""
        return self.paginator(*args, stations=getattr(request, "found_station_keys", None), **kwargs)


class LogAdmin(StationSearchMixin):
    """A log that is too big to sort without an index: newest key first, or by time if filtered by a period."""

    time_field: ClassVar[str] = "at"
    sortable_by: Sequence[str] = ()

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        period = (f"{self.time_field}_from", f"{self.time_field}_to")
        is_of_period = any(name.startswith(period) and value for name, value in request.GET.items())
        return [f"-{self.time_field}", "-id"] if is_of_period and not request.GET.get("q") else ["-id"]


class UploadStorage(CacheStorage):
    """Stores an uploaded file in the cache until the import is confirmed: every process finds it, and it expires."""

    CACHE_LIFETIME = 3600


def _is_staff(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


admin.site = sites.site = BackOffice()


class OfStationAdmin(StationSearchMixin, ReportAdmin):
    """A read-only admin for rows that belong to a station."""

    list_select_related = ["station"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("station__password")
