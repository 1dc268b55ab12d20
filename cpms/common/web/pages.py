"""Base views for lists, details and forms, with sign-in, scope and permission built in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import django_filters
import django_tables2 as tables
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import DetailView, FormView, View

from cpms.common.database.paging import filter_by_stations
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.typed import whole_number
from cpms.common.web.counted import MAX_OPTIONS
from cpms.common.web.downloads import Download, active_filter_values, record_download
from cpms.common.web.export import MAX_XLSX_ROWS, Cell, Sheet, export_csv, export_xlsx
from cpms.common.web.formatting import date_time, number
from cpms.common.web.list_settings import ColumnChoice, ListSettings
from cpms.common.web.list_settings import View as SavedView
from cpms.common.web.list_settings import read as read_settings
from cpms.common.web.tables import CappedPaginator, ExtraColumns, all_columns, extended

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from accounts.models import User

MAX_NEW = 99  # '99+ new' is enough to know


class AuthenticatedRequest(HttpRequest):
    """A request behind `login_required`, whose user is signed in. For type annotations only."""

    user: User
    htmx: HtmxDetails


class Chip(NamedTuple):
    """One active filter: its label, its value, and the query string without it."""

    label: str
    value: str
    without: str


class ListPage(LoginRequiredMixin, View):
    """A list with filters, sorting, pagination, scope and export. Renders only the list if htmx targets `#list`."""

    model: Any
    table_class: type[tables.Table]
    extra_columns: Sequence[ExtraColumns] = ()  # of other apps, or of this page only
    hidden_columns: Sequence[str] = ()
    optional_columns: Sequence[str] = ()  # hidden unless the user chose them
    list_name: str = ""  # under which columns and views are saved; without one they cannot be
    filterset_class: type[django_filters.FilterSet]
    template_name: str
    export_name = "export"
    export_cells: Sequence[Cell] = ()
    right: str = ""  # the right needed to see its rows, if the queryset does not define it
    page_sizes = (10, 20, 30, 40, 50)
    page_size = 20
    is_newest_first = False  # if True, a live list keeps its rows and shows how many are new
    paginator_class: type[CappedPaginator] = CappedPaginator
    shows_total = True  # whether counting all rows in addition to the filtered ones is cheap enough
    tie_breakers: Sequence[str] = ("-pk",)  # make the order unique, so that no page repeats a row
    slow_sort_columns: Sequence[str] = ()  # have no index for sorting: sortable only if there are few rows
    exported: ClassVar[dict[str, type[ListPage]]] = {}  # list pages by `export_name`

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.export_cells:
            ListPage.exported[cls.export_name] = cls

    def rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.visible_to(self.request.user)
        return rows

    def export_rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the queryset with everything that an export needs in addition to the page."""
        return rows

    def exported_cells(self) -> Sequence[Cell]:
        """Return the cells of the visible columns in their order, or all cells if the request asks for all."""
        cells = self.cells()
        if not self.list_name:
            return cells
        cells = [*cells, *(cell for extra in self.extra_columns for cell in extra.cells)]
        if self.request.GET.get("columns") == "all":
            return cells
        first = next(iter(self.table_class.base_columns))
        shown = [first, *(column.name for column in self.column_choices() if column.is_shown)]
        return [cell for name in shown for cell in cells if cell.column == name]

    def cells(self) -> Sequence[Cell]:
        """Return the columns of an export for this user."""
        return self.export_cells

    def added_columns(self) -> Sequence[ExtraColumns]:
        """Return the columns that are added to those of the table."""
        return self.extra_columns

    @cached_property
    def settings(self) -> ListSettings:
        """Return what the user has set for this list."""
        return read_settings(self.request.user, self.list_name)  # type: ignore[arg-type]

    @property
    def current_view(self) -> SavedView | None:
        """Return the saved view that the address names."""
        key = _whole(self.request.GET.get("view"))
        return next((one for one in self.settings.views if one.pk == key), None) if key else None

    def usually_hidden(self) -> Sequence[str]:
        """Return the columns that are shown only to users who chose them."""
        return self.optional_columns

    def column_choices(self) -> list[ColumnChoice]:
        """Return the columns that users can show and hide. The first one of the table is always shown."""
        if not self.list_name:
            return []
        columns = all_columns(self.table_class, self.extra_columns)
        chosen = self.current_view.columns if self.current_view else self.settings.columns
        hidden = self.usually_hidden()
        return [
            ColumnChoice(name, column.verbose_name, name in chosen if chosen else name not in hidden)
            for name, column in list(columns.items())[1:]
            if name not in self.hidden_columns
        ]

    def decorate(self, records: list[Any]) -> None:
        """Add data to the rows of one page that would be too expensive to query for all rows."""

    def station_keys(self, filterset: Any) -> list[int] | None:
        """Return the keys of the only stations whose rows can be listed, if known to be few; see `page_of`."""
        return None

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        """Return additional template context."""
        return {}

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        filterset = self.filterset_class(request.GET, queryset=self.rows(), request=request)
        if (name := request.GET.get("options")) and name in getattr(filterset, "counted", ()):
            return self._options(filterset, name)
        is_valid = filterset.is_valid()
        found = filterset.qs if is_valid else filterset.queryset.none()
        if request.GET.get("export") and self.export_cells and is_valid:
            if why_off := request.user.access.features_off.get("exports"):  # type: ignore[union-attr]
                raise PermissionDenied(why_off)
            narrow = filter_by_stations(found, self.station_keys(filterset))
            return self._export(narrow, request.GET["export"], filterset.form)
        context = {"filterset": filterset, "filter": filterset.form, "chips": list(chips(filterset, request.GET))}
        context |= self._page(found, filterset) | {"view": self}
        context["total"] = self._total() if context["chips"] and self.shows_total else ""
        context |= self.page_context(context)
        is_part = getattr(request, "htmx", False) and request.htmx.target == "list"  # type: ignore[attr-defined]
        response = TemplateResponse(request, f"{self.template_name}#list" if is_part else self.template_name, context)
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _options(self, filterset: Any, name: str) -> HttpResponse:
        """Return the options of one filter, for the menu of filters."""
        options = filterset.options(name, self.request.GET.get(f"find_{name}", ""))
        has_more = len(options) > MAX_OPTIONS
        context = {"name": name, "options": options[:MAX_OPTIONS], "has_more": has_more, "is_loaded": True}
        return TemplateResponse(self.request, "components/filter_options.html", context)

    def _page(self, found: QuerySet[Any], filterset: Any) -> dict[str, Any]:
        until = _whole(self.request.GET.get("until"))
        new = 0
        if self.is_newest_first and until:
            new = min(found.filter(pk__gt=until).order_by()[: MAX_NEW + 1].count(), MAX_NEW + 1)
            found = found.filter(pk__lte=until)
        added = self.added_columns()
        columns = self.column_choices()
        hidden = [*self.hidden_columns, *(column.name for column in columns if not column.is_shown)]
        table = extended(self.table_class, found, extra=added, hidden=hidden)
        size = _whole(self.request.GET.get("per_page"))
        size = size if size in self.page_sizes else self.page_size
        stations, use_partial_index = self.station_keys(filterset), getattr(filterset, "use_partial_index", False)
        paginator = self.paginator_class(table.rows, size, stations=stations, use_partial_index=use_partial_index)
        sort = self.request.GET.get("sort", "")
        if sort.lstrip("-") in self.slow_sort_columns and paginator.is_capped:
            sort = ""
        if sort:
            table.order_by = sort
        ordered = table.data.data
        if "pk" not in ordered.query.order_by and "-pk" not in ordered.query.order_by:
            wanted = ordered.query.order_by or (self.model._meta.ordering if "-pk" in self.tie_breakers else ())
            table.data.data = ordered.order_by(*wanted, *self.tie_breakers)
        page = max(1, _whole(self.request.GET.get("page")))
        table.paginator, table.page = paginator, paginator.get_page(page)
        for name in self.slow_sort_columns:
            table.columns[name].column.orderable = not paginator.is_capped
        records = [row.record for row in table.page.object_list]
        self.decorate(records)
        self._prepare(records)
        return {
            "table": table,
            "columns": columns,
            "page": table.page,
            "paginator": paginator,
            "page_size": size,
            "is_sorted": bool(sort),
            "new": f"{MAX_NEW}+" if new > MAX_NEW else str(new or ""),
            "until": until or (max((row.pk for row in records), default=0) if self.is_newest_first else 0),
        }

    def _total(self) -> str:
        """Return the number of rows without any filter, counted up to the same limit."""
        whole = self.filterset_class(QueryDict(), queryset=self.rows(), request=self.request)
        rows = self.table_class(whole.qs).rows
        stations, use_partial_index = self.station_keys(whole), getattr(whole, "use_partial_index", False)
        return self.paginator_class(
            rows, self.page_size, stations=stations, use_partial_index=use_partial_index
        ).count_text

    def _export(self, found: QuerySet[Any], kind: str, chosen: Form) -> HttpResponseBase:
        rows: Any = self.export_rows(found)
        kind = "xlsx" if kind == "xlsx" else "csv"
        if kind == "xlsx" and rows.order_by()[: MAX_XLSX_ROWS + 1].count() > MAX_XLSX_ROWS:
            sentence = _("An Excel export is limited to %(most)s rows. Add a filter, or export as CSV.")
            messages.error(self.request, sentence % {"most": number(MAX_XLSX_ROWS)})
            return redirect(f"{self.request.path}?{query_without(self.request.GET, 'export')}")
        person: Any = self.request.user
        record_download(
            Download(person, self.model, self.export_name, self.right or rows.right, kind, active_filter_values(chosen))
        )
        sheet = Sheet(rows, self.exported_cells(), self._prepare if self.list_name else None)
        export = export_xlsx if kind == "xlsx" else export_csv
        return export(self.request, sheet, self.export_name)

    def _prepare(self, records: list[Any]) -> None:
        """Add what the columns of other apps show."""
        for extra in self.extra_columns:
            if extra.prepare is not None:
                extra.prepare(records, self.request.user)  # type: ignore[arg-type]


def _whole(text: str | None) -> int:
    return whole_number(text) or 0


def query_without(query: QueryDict, *names: str, value: str | None = None) -> str:
    """Return a query string without some parameters, or without one of their values, and always without the page."""
    left = query.copy()
    for name in (*names, "page", "until"):
        values = [one for one in left.getlist(name) if value is not None and name in names and one != value]
        left.setlist(name, values) if values else left.pop(name, None)
    return left.urlencode()


def chips(filterset: django_filters.FilterSet, query: QueryDict) -> Iterator[Chip]:
    """Yield the active filters, each with the query string that removes it."""
    for name, field in filterset.form.fields.items():
        chosen = filterset.form.cleaned_data.get(name) if filterset.form.is_valid() else None
        if chosen in (None, "", [], ()):
            continue
        values = query.getlist(name) if isinstance(chosen, list) else [None]
        for value in values:
            value_label = _value_label(field, value if value is not None else chosen)
            yield Chip(str(field.label), value_label, f"?{query_without(query, name, value=value)}")


def _value_label(field: Any, value: Any) -> str:
    for key, label in getattr(field, "choices", ()) or ():
        if str(key) == str(value):
            return str(label)
    if hasattr(value, "hour"):
        return date_time(value)
    return str(value)


class DetailPage(LoginRequiredMixin, DetailView):
    """A page about one row that the user may see, in the selected group or not; 404 for other rows."""

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.reachable_by(self.request.user)
        return rows


class FormPage(LoginRequiredMixin, FormView):
    """A form that calls a service. A DomainError is shown at its fields, or above the form."""

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            return self.perform(form)
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        except DomainError as error:
            add_errors(form, error)
            return self.form_invalid(form)

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def perform(self, form: Form) -> HttpResponse:
        raise NotImplementedError


def add_errors(form: Form, error: DomainError) -> None:
    """Add a service's error to the form: at its fields if the form has them, otherwise above the form."""
    known = {name: text for name, text in error.fields.items() if name in form.fields}
    for name in known:
        form.add_error(name, str(error))
    if not known:
        form.add_error(None, str(error))
