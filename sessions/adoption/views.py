"""The queue of tags that were refused at stations."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from chargers.models import RefusedTag
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web.formatting import number
from cpms.common.web.pages import AuthenticatedRequest, ListPage
from sessions.adoption import services
from sessions.adoption.filtersets import RefusedTagFilterSet
from sessions.adoption.tables import RefusedTagTable


class RefusedTagListView(ListPage):
    """Refused tags that wait for a decision; with the filter, also those that were adopted or ignored."""

    model = RefusedTag
    table_class = RefusedTagTable
    filterset_class = RefusedTagFilterSet
    template_name = "sessions/adoption/refused_tag_list.html"

    def rows(self) -> QuerySet[Any]:
        rows: Any = super().rows().select_related("tag", "station", "team").defer("station__password")
        return rows if self.request.GET.get("state") else rows.open()

    def decorate(self, records: list[Any]) -> None:
        user: Any = self.request.user
        services.attach_sessions(records)
        for refused in records:
            refused.may_decide = services.may_decide(user, refused)


@login_required
@require_POST
def refused_tag_adopt(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Add the tag to its team and accept its sessions."""
    try:
        tag, count = services.adopt_tag(actor=request.user, refused=_reachable(request, pk))
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("sessions:refused_tag_list")
    sentence = ngettext(
        "Tag %(value)s adopted, %(n)s session accepted.", "Tag %(value)s adopted, %(n)s sessions accepted.", count
    )
    messages.success(request, sentence % {"value": tag.value, "n": number(count)})
    return redirect("sessions:refused_tag_list")


@login_required
@require_POST
def refused_tag_ignore(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Take the tag off the list; its sessions stay unauthorised."""
    refused = _reachable(request, pk)
    try:
        services.ignore_tag(actor=request.user, refused=refused)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    messages.success(request, _("Tag %(value)s is ignored from now on.") % {"value": refused.value})
    return redirect("sessions:refused_tag_list")


def _reachable(request: AuthenticatedRequest, pk: int) -> RefusedTag:
    refused: RefusedTag = get_object_or_404(RefusedTag.objects.reachable_by(request.user), pk=pk)
    return refused
