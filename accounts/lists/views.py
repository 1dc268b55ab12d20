"""Save and delete the columns and views of lists. The list page shows the forms."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.lists import services
from accounts.lists.models import SavedView
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.typed import whole_number
from cpms.common.web.pages import AuthenticatedRequest


@login_required
@require_POST
def list_columns(request: AuthenticatedRequest, name: str) -> HttpResponse:
    columns = [] if request.POST.get("reset") else request.POST.getlist("column")
    services.set_columns(user=request.user, list_name=name, columns=columns)
    messages.success(request, _("Columns saved.") if columns else _("Columns reset."))
    path, _query = _came_from(request)
    return _lead(request, f"{path}?{_query_without_view(_query)}")


@login_required
@require_POST
def view_save(request: AuthenticatedRequest, name: str) -> HttpResponse:
    path, query = _came_from(request)
    team = None
    if key := whole_number(request.POST.get("team")):
        team = get_object_or_404(Team, pk=key)
    try:
        view = services.save_view(
            user=request.user,
            list_name=name,
            name=request.POST.get("name", ""),
            query=query,
            columns=request.POST.getlist("column"),
            team=team,
        )
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        messages.error(request, str(error))
        return _lead(request, f"{path}?{query}")
    messages.success(request, _("View “%(name)s” saved.") % {"name": view.name})
    return _lead(request, f"{path}?{view.query}{'&' if view.query else ''}view={view.pk}")


@login_required
@require_POST
def view_delete(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedView.objects.visible_to(request.user).exclude(name=""), pk=pk)
    try:
        services.delete_view(view=view, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    messages.success(request, _("View “%(name)s” deleted.") % {"name": view.name})
    path, query = _came_from(request)
    return _lead(request, f"{path}?{_query_without_view(query)}")


def _came_from(request: AuthenticatedRequest) -> tuple[str, str]:
    """Return path and query of the list page. htmx knows the address with the filters chosen since it was opened."""
    address = (request.htmx.current_url_abs_path if request.htmx else "") or request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(address, None):
        address = "/"
    parts = urlsplit(address)
    return parts.path, parts.query


def _query_without_view(query: str) -> str:
    return "&".join(part for part in query.split("&") if part and not part.startswith("view="))


def _lead(request: AuthenticatedRequest, address: str) -> HttpResponse:
    address = address.rstrip("?")
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
