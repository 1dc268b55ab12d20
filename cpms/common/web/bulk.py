"""Actions on ticked rows of a list. The app that owns the service supplies the action; the URL of the page lists it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from cpms.common.errors import DomainError
from cpms.common.outcomes import MAX_ROWS, Outcome
from cpms.common.text.typed import whole_number
from cpms.common.web.pages import AuthenticatedRequest, add_errors
from cpms.common.web.tables import ExtraColumns

if TYPE_CHECKING:
    from accounts.models import User


class BulkForm(forms.Form):
    """Asks what an action needs to know. It gets the rows that are ticked."""

    def __init__(self, *args: Any, user: User, rows: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.rows = user, rows


@dataclass(frozen=True, slots=True)
class BulkAction:
    """One button above a list.

    Attributes:
        name: identifies the action in requests.
        label: the text of the button.
        question: the title of the confirmation; gets the number of rows.
        explanation: what will happen to the rows.
        perform: calls the service with the rows, the user and the values of the form.
        done: the sentence about what was done; gets the number of rows.
        is_offered: whether the user may do this at all; the service checks each row.
        form: asks for further values in the confirmation.
        button: the text of the button that confirms, if it is not the label.
    """

    name: str
    label: str | Promise
    question: Callable[[int], str]
    explanation: str | Promise
    perform: Callable[[Sequence[Any], User, Mapping[str, Any]], Outcome]
    done: Callable[[int], str]
    is_offered: Callable[[User], bool]
    form: type[BulkForm] = BulkForm
    button: str | Promise = ""
    is_dangerous: bool = False


class TickColumn(tables.Column):
    """A box to tick a row, and one in the head to tick all rows of the page. Rows need `is_tickable`."""

    def __init__(self) -> None:
        super().__init__(verbose_name="", empty_values=(), orderable=False, attrs={"td": {"class": "tick-cell"}})

    @property
    def header(self) -> SafeString:
        label = _("Select all rows of this page")
        return format_html('<input class="form-check-input" type="checkbox" data-tick-page aria-label="{}">', label)

    def render(self, record: Any) -> SafeString:
        return format_html(
            '<input class="form-check-input" type="checkbox" form="ticks" name="row" value="{}" aria-label="{}"{}>',
            record.pk,
            _("Select %(name)s") % {"name": record},
            "" if record.is_tickable else format_html(' disabled title="{}"', _("Shared with you: cannot be selected")),
        )


class BulkMixin:
    """A list page with actions on ticked rows."""

    bulk_actions: Sequence[BulkAction] = ()
    request: Any

    def tickable(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those rows that may be ticked."""
        raise NotImplementedError

    @cached_property
    def offered_actions(self) -> list[BulkAction]:
        return [action for action in self.bulk_actions if action.is_offered(self.request.user)]

    def added_columns(self) -> Sequence[ExtraColumns]:
        added: Sequence[ExtraColumns] = super().added_columns()  # type: ignore[misc]
        first = next(iter(self.table_class.base_columns))  # type: ignore[attr-defined]
        return [ExtraColumns({"tick": TickColumn()}, before=first), *added] if self.offered_actions else added

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        if self.offered_actions:
            context["table"].attrs = {**context["table"].attrs, "class": "tbl cardtbl ticks"}
        added: dict[str, Any] = super().page_context(context)  # type: ignore[misc]
        return added

    def post(self, request: AuthenticatedRequest, **_kwargs: Any) -> HttpResponse:
        """Ask for confirmation, and once it is given perform the action on the ticked rows."""
        action = next((one for one in self.offered_actions if one.name == request.POST.get("do")), None)
        if action is None:
            raise PermissionDenied(_("You may not change the selected rows."))
        rows = list(self._ticked()[: MAX_ROWS + 1])
        context = {"action": action, "rows": rows, "question": action.question(len(rows))}
        if not rows or len(rows) > MAX_ROWS:
            return render(request, "components/bulk_ask.html", context | {"refusal": _refusal(rows)}, status=422)
        is_confirmed = request.POST.get("confirm") == "yes"
        form = action.form(request.POST if is_confirmed else None, user=request.user, rows=rows)
        if not is_confirmed or not form.is_valid():
            status = 422 if is_confirmed else 200
            return render(request, "components/bulk_ask.html", context | {"form": form}, status=status)
        try:
            outcome = action.perform(rows, request.user, form.cleaned_data)
        except DomainError as error:
            add_errors(form, error)
            return render(request, "components/bulk_ask.html", context | {"form": form}, status=422)
        _report(request, action, outcome)
        back = request.get_full_path()
        return HttpResponseClientRedirect(back) if request.htmx else redirect(back)

    def _ticked(self) -> QuerySet[Any]:
        filterset = self.filterset_class(self.request.GET, queryset=self.rows(), request=self.request)  # type: ignore[attr-defined]
        found = filterset.qs if filterset.is_valid() else filterset.queryset.none()
        if self.request.POST.get("all") != "yes":
            keys = [key for text in self.request.POST.getlist("row")[:MAX_ROWS] if (key := whole_number(text))]
            found = self.rows().filter(pk__in=keys)  # type: ignore[attr-defined]
        return self.tickable(found)


def _refusal(rows: Sequence[Any]) -> str:
    if not rows:
        return _("Nothing is selected that you may change.")
    return _("At most %(most)d rows can be changed at once. Add a filter.") % {"most": MAX_ROWS}


def _report(request: AuthenticatedRequest, action: BulkAction, outcome: Outcome) -> None:
    """Tell what was done and what was refused."""
    sentences = [action.done(outcome.done)] if outcome.done or not outcome.refusals else []
    sentences += outcome.refusal_sentences()
    level = messages.ERROR if not outcome.done else messages.WARNING if outcome.refusals else messages.SUCCESS
    messages.add_message(request, level, " ".join(sentences))
