"""Bricks for pages: a list, a detail, a form, each with log-in, scope and permission built in."""

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
from django.utils.translation import gettext as _
from django.views.generic import DetailView, FormView, View

from cpms.common.database.paging import narrowed
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.typed import whole_number
from cpms.common.web.downloads import Download, filters_told, tell
from cpms.common.web.export import MAX_XLSX_ROWS, Cell, export_csv, export_xlsx
from cpms.common.web.formatting import date_time, number
from cpms.common.web.tables import CappedPaginator, ExtraColumns, extended

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from accounts.models import User

MAX_NEW = 99  # '99+ new' is enough to know


class AuthenticatedRequest(HttpRequest):
    """A request behind `login_required`: there is a person. Only for annotations."""

    user: User
    htmx: HtmxDetails


class Chip(NamedTuple):
    """One filter in force: what it says and the address without it."""

    label: str
    value: str
    without: str


class ListPage(LoginRequiredMixin, View):
    """Filter, sort, pages, scope, export; as a whole page, or as its list only when htmx asks for `#list`."""

    model: Any
    table_class: type[tables.Table]
    extra_columns: Sequence[ExtraColumns] = ()  # of other apps, or of this page only
    hidden_columns: Sequence[str] = ()
    filterset_class: type[django_filters.FilterSet]
    template_name: str
    export_name = "export"
    export_cells: Sequence[Cell] = ()
    right: str = ""  # by which its rows are seen, where their queryset does not say
    page_sizes = (10, 20, 30, 40, 50)
    page_size = 20
    is_newest_first = False  # then a live list keeps its rows and says how many are new
    paginator_class: type[CappedPaginator] = CappedPaginator
    tells_total = True  # whether counting all rows beside those that were found is cheap enough
    tie_breakers: Sequence[str] = ("-pk",)  # what orders rows that are alike, so that no page repeats one
    dear_columns: Sequence[str] = ()  # no index helps to sort by them: only where there are few enough rows
    exported: ClassVar[dict[str, type[ListPage]]] = {}  # lists by the name of their files

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.export_cells:
            ListPage.exported[cls.export_name] = cls

    def rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.visible_to(self.request.user)
        return rows

    def export_rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What an export needs besides what the page needs."""
        return rows

    def cells(self) -> Sequence[Cell]:
        """Return the columns of an export for this person."""
        return self.export_cells

    def decorate(self, records: list[Any]) -> None:
        """Add to the rows of one page what a query over all rows would be too dear for."""

    def few_stations(self, filterset: Any) -> list[int] | None:
        """Keys of the only stations whose rows can be listed, where these are known to be few; see `page_of`."""
        return None

    def facts(self, context: dict[str, Any]) -> dict[str, Any]:
        """More context for the page."""
        return {}

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        filterset = self.filterset_class(request.GET, queryset=self.rows(), request=request)
        is_valid = filterset.is_valid()
        found = filterset.qs if is_valid else filterset.queryset.none()
        if request.GET.get("export") and self.export_cells and is_valid:
            if why_off := request.user.access.features_off.get("exports"):  # type: ignore[union-attr]
                raise PermissionDenied(why_off)
            narrow = narrowed(found, self.few_stations(filterset))
            return self._export(narrow, request.GET["export"], filterset.form)
        context = {"filterset": filterset, "filter": filterset.form, "chips": list(chips(filterset, request.GET))}
        context |= self._page(found, filterset) | {"view": self}
        context["total"] = self._total() if context["chips"] and self.tells_total else ""
        context |= self.facts(context)
        is_part = getattr(request, "htmx", False) and request.htmx.target == "list"  # type: ignore[attr-defined]
        response = TemplateResponse(request, f"{self.template_name}#list" if is_part else self.template_name, context)
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _page(self, found: QuerySet[Any], filterset: Any) -> dict[str, Any]:
        until = _whole(self.request.GET.get("until"))
        new = 0
        if self.is_newest_first and until:
            new = min(found.filter(pk__gt=until).order_by()[: MAX_NEW + 1].count(), MAX_NEW + 1)
            found = found.filter(pk__lte=until)
        table = extended(self.table_class, found, extra=self.extra_columns, hidden=self.hidden_columns)
        size = _whole(self.request.GET.get("per_page"))
        size = size if size in self.page_sizes else self.page_size
        stations, is_rare = self.few_stations(filterset), getattr(filterset, "is_rare", False)
        paginator = self.paginator_class(table.rows, size, stations=stations, is_rare=is_rare)
        sort = self.request.GET.get("sort", "")
        if sort.lstrip("-") in self.dear_columns and paginator.is_capped:
            sort = ""
        if sort:
            table.order_by = sort
        ordered = table.data.data
        if "pk" not in ordered.query.order_by and "-pk" not in ordered.query.order_by:
            wanted = ordered.query.order_by or (self.model._meta.ordering if "-pk" in self.tie_breakers else ())
            table.data.data = ordered.order_by(*wanted, *self.tie_breakers)
        page = max(1, _whole(self.request.GET.get("page")))
        table.paginator, table.page = paginator, paginator.get_page(page)
        for name in self.dear_columns:
            table.columns[name].column.orderable = not paginator.is_capped
        records = [row.record for row in table.page.object_list]
        self.decorate(records)
        for extra in self.extra_columns:
            if extra.prepare is not None:
                extra.prepare(records, self.request.user)  # type: ignore[arg-type]
        return {
            "table": table,
            "page": table.page,
            "paginator": paginator,
            "page_size": size,
            "is_sorted": bool(sort),
            "new": f"{MAX_NEW}+" if new > MAX_NEW else str(new or ""),
            "until": until or (max((row.pk for row in records), default=0) if self.is_newest_first else 0),
        }

    def _total(self) -> str:
        """How many rows there are without any filter, counted to the same limit."""
        whole = self.filterset_class(QueryDict(), queryset=self.rows(), request=self.request)
        rows = self.table_class(whole.qs).rows
        stations, is_rare = self.few_stations(whole), getattr(whole, "is_rare", False)
        return self.paginator_class(rows, self.page_size, stations=stations, is_rare=is_rare).count_text

    def _export(self, found: QuerySet[Any], kind: str, chosen: Form) -> HttpResponseBase:
        rows: Any = self.export_rows(found)
        kind = "xlsx" if kind == "xlsx" else "csv"
        if kind == "xlsx" and rows.order_by()[: MAX_XLSX_ROWS + 1].count() > MAX_XLSX_ROWS:
            sentence = _("An Excel file holds at most %(most)s rows here: add a filter, or take the CSV file.")
            messages.error(self.request, sentence % {"most": number(MAX_XLSX_ROWS)})
            return redirect(f"{self.request.path}?{without(self.request.GET, 'export')}")
        person: Any = self.request.user
        tell(Download(person, self.model, self.export_name, self.right or rows.right, kind, filters_told(chosen)))
        if kind == "xlsx":
            return export_xlsx(self.request, rows, self.cells(), self.export_name)
        return export_csv(self.request, rows, self.cells(), self.export_name)


def _whole(text: str | None) -> int:
    return whole_number(text) or 0


def without(query: QueryDict, *names: str, value: str | None = None) -> str:
    """A query string without some parameters, or without one value of them; the page number always goes."""
    left = query.copy()
    for name in (*names, "page", "until"):
        kept = [one for one in left.getlist(name) if value is not None and name in names and one != value]
        left.setlist(name, kept) if kept else left.pop(name, None)
    return left.urlencode()


def chips(filterset: django_filters.FilterSet, query: QueryDict) -> Iterator[Chip]:
    """The filters in force, each with the address that drops it."""
    for name, field in filterset.form.fields.items():
        chosen = filterset.form.cleaned_data.get(name) if filterset.form.is_valid() else None
        if chosen in (None, "", [], ()):
            continue
        values = query.getlist(name) if isinstance(chosen, list) else [None]
        for value in values:
            said = _said(field, value if value is not None else chosen)
            yield Chip(str(field.label), said, f"?{without(query, name, value=value)}")


def _said(field: Any, value: Any) -> str:
    for key, label in getattr(field, "choices", ()) or ():
        if str(key) == str(value):
            return str(label)
    if hasattr(value, "hour"):
        return date_time(value)
    return str(value)


class DetailPage(LoginRequiredMixin, DetailView):
    """One row that the person may see, of the chosen group or not; 404 for a stranger's."""

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.reachable_by(self.request.user)
        return rows


class FormPage(LoginRequiredMixin, FormView):
    """A form whose service may say no: at the field where it names one, above the form otherwise."""

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
    """Put a service's 'no' where the person looks."""
    known = {name: text for name, text in error.fields.items() if name in form.fields}
    for name in known:
        form.add_error(name, str(error))
    if not known:
        form.add_error(None, str(error))
