"""Pages of commands, and the forms that send them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access.rights import Can
from accounts.sign_in import fresh_proof
from chargers.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web.export import Cell, convert_rows_first
from cpms.common.web.pages import AuthenticatedRequest, DetailPage, ListPage, add_errors
from operations.commands import labels
from operations.commands.filtersets import CommandFilterSet
from operations.commands.forms import FORMS, CommandForm, search_tags
from operations.commands.models import Command
from operations.commands.services.asking import request_command
from operations.commands.services.sealing import redact
from operations.commands.services.technical import as_readable_by
from operations.commands.tables import COMMAND_CELLS, CommandTable, status_badge
from sessions.ledger.services.technical import Reader

MAX_TAGS = 20


class CommandListView(ListPage):
    model = Command
    table_class = CommandTable
    filterset_class = CommandFilterSet
    template_name = "operations/commands/command_list.html"
    export_name = "commands"
    export_cells = COMMAND_CELLS
    is_newest_first = True

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station", "requested_by").defer("station__password")

    @cached_property
    def _readable(self) -> Callable[[Command], Command]:
        user: Any = self.request.user
        return partial(as_readable_by, Reader(user), user=user)

    def decorate(self, records: list[Any]) -> None:
        for command in records:
            self._readable(command)

    def cells(self) -> Sequence[Cell]:
        return convert_rows_first(self.export_cells, self._readable)


class CommandDetailView(DetailPage):
    model = Command
    template_name = "operations/commands/command_detail.html"
    context_object_name = "command"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("station", "requested_by", "session").defer("station__password")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        command: Command = as_readable_by(Reader(user), self.object, user)
        answer = labels.interpret_answer(command)
        return super().get_context_data(
            status=status_badge(command),
            parameters=labels.parameters_text(command),
            result=labels.result_text(command),
            requester=labels.requester_label(command),
            settings=answer.configuration,
            unknown_keys=answer.unknown_keys,
            request_raw=json.dumps(redact(command.kind, command.parameters), indent=2, ensure_ascii=False),
            response_raw=json.dumps(command.answer, indent=2, ensure_ascii=False) if command.answer is not None else "",
            **kwargs,
        )


@login_required
@require_http_methods(["GET", "POST"])
def station_command(request: AuthenticatedRequest, pk: int, kind: str) -> HttpResponse:
    """Show the form of one kind of command, as a dialog or as a page, and send the command."""
    station = get_object_or_404(ChargingStation.objects.reachable_by(request.user), pk=pk)
    if kind not in FORMS:
        raise Http404
    if not request.user.access.may(Can.OPERATE, station):
        raise PermissionDenied(_("Only operators and administrators of the team may send commands."))
    if not request.user.access.may(FORMS[kind].right, station):
        raise PermissionDenied(_("Only administrators of the team may set the passwords of its stations."))
    if FORMS[kind].right == Can.SET_PASSWORDS and not fresh_proof.is_confirmed(request):
        return fresh_proof.redirect_to_proof(request, station.get_absolute_url())
    is_part = bool(request.htmx)
    if request.method == "GET":
        form = FORMS[kind](station=station, user=request.user, initial=request.GET.dict())
        return _form_page(request, form, is_part)
    form = FORMS[kind](request.POST, station=station, user=request.user)
    if not form.is_valid():
        return _form_page(request, form, is_part, status=422)
    try:
        command = request_command(
            station=station, kind=form.sent_kind or kind, parameters=form.parameters, actor=request.user
        )
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        add_errors(form, error)
        return _form_page(request, form, is_part, status=422)
    sentence = _("“%(command)s” sent to %(station)s. The result appears under Commands.") % {
        "command": command.get_kind_display(),
        "station": station.identity,
    }
    if not is_part:
        messages.success(request, sentence)
        return redirect(station)
    triggers = {"said": {"text": sentence, "kind": "good"}, "done": {}, f"station-{station.pk}": {}}
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(triggers)})


def _form_page(request: AuthenticatedRequest, form: CommandForm, is_part: bool, status: int = 200) -> HttpResponse:
    template = "operations/commands/station_command.html"
    context = {"form": form, "station": form.station, "is_part": is_part}
    return render(request, f"{template}#dialog" if is_part else template, context, status=status)


@login_required
@require_safe
def tag_choices(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Return the tags that match the typed text, as options."""
    station = get_object_or_404(ChargingStation.objects.reachable_by(request.user), pk=pk)
    if not request.user.access.may(Can.OPERATE, station):
        raise PermissionDenied(_("Only operators and administrators of the team may send commands."))
    tags = search_tags(station, request.user, request.GET.get("id_tag", "").strip()[:36])[:MAX_TAGS]
    return render(request, "operations/commands/tag_choices.html", {"tags": tags})
