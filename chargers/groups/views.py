"""Pages of a user's own groups of stations: list, edit, delete, and select the one to show."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chargers.groups.filtersets import GroupFilterSet
from chargers.groups.forms import GroupForm
from chargers.groups.models import StationGroup
from chargers.groups.services import groups, providers
from chargers.groups.tables import GroupTable
from chargers.stations.models import ChargingStation
from chargers.stations.services.finding import search_stations
from cpms.common.errors import DomainError
from cpms.common.text.typed import whole_number
from cpms.common.web import formatting
from cpms.common.web.pages import AuthenticatedRequest, FormPage, ListPage

PAGE_SIZE = 20


class GroupListView(ListPage):
    model = StationGroup
    table_class = GroupTable
    filterset_class = GroupFilterSet
    template_name = "chargers/groups/group_list.html"

    def rows(self) -> QuerySet[Any]:
        return super().rows().annotate(count=Count("stations"))


class GroupAddView(FormPage):
    template_name = "chargers/groups/group_form.html"
    form_class = GroupForm

    def perform(self, form: Any) -> HttpResponse:
        user: Any = self.request.user
        group = groups.create_group(user=user, name=form.cleaned_data["name"])
        messages.success(self.request, _("Group “%(name)s” created. Add stations to it.") % {"name": group.name})
        return redirect("portal:group_detail", group.pk)


class GroupEditView(FormPage):
    template_name = "chargers/groups/group_form.html"
    form_class = GroupForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            self.group: StationGroup = _own_group(request, kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"name": self.group.name}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(group=self.group, **kwargs)

    def perform(self, form: Any) -> HttpResponse:
        groups.rename_group(group=self.group, name=form.cleaned_data["name"])
        messages.success(self.request, _("Group renamed."))
        return redirect("portal:group_detail", self.group.pk)


def _own_group(request: HttpRequest, pk: int) -> StationGroup:
    group: StationGroup = get_object_or_404(StationGroup.objects.visible_to(request.user), pk=pk)
    return group


@login_required
@require_safe
def group_detail(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    group = _own_group(request, pk)
    context = _group_context(request, group, request.GET)
    is_part = request.htmx and request.htmx.target == "contents"
    template = "chargers/groups/group_detail.html"
    return render(request, f"{template}#contents" if is_part else template, context)


def _visible_stations(request: AuthenticatedRequest) -> QuerySet[ChargingStation]:
    stations: QuerySet[ChargingStation] = ChargingStation.objects.reachable_by(request.user)
    return stations.only("pk", "identity", "name").order_by("identity")


def _group_context(request: AuthenticatedRequest, group: StationGroup, data: Any) -> dict[str, Any]:
    """Return one page of the stations in a group, and one of the stations that could be added."""
    find = data.get("find", "").strip()[:120]
    page = data.get("page", "")
    members = StationGroup.stations.through.objects.filter(stationgroup=group, chargingstation=OuterRef("pk"))
    inside, outside = (
        _visible_stations(request).filter(Exists(members)),
        search_stations(_visible_stations(request).exclude(Exists(members)), find),
    )
    first = (max(whole_number(page, max_digits=6) or 1, 1) - 1) * PAGE_SIZE
    count = inside.order_by().count()
    first = first if first < count else 0
    return {
        "group": group,
        "find": find,
        "count": count,
        "members": list(inside[first : first + PAGE_SIZE]),
        "first": first + 1,
        "last": min(first + PAGE_SIZE, count),
        "page_number": first // PAGE_SIZE + 1,
        "previous": first // PAGE_SIZE or None,
        "next": first // PAGE_SIZE + 2 if first + PAGE_SIZE < count else None,
        "found": list(outside[:PAGE_SIZE]),
        "found_count": outside.order_by().count(),
    }


@login_required
@require_POST
def group_stations(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Add one station, add all that match a search, or remove one."""
    group, data = _own_group(request, pk), request.POST
    key = data.get("station", "")
    chosen = _visible_stations(request).filter(pk=_primary_key(key))
    if data.get("do") == "take":
        groups.remove_from_group(group=group, station=get_object_or_404(chosen))
    elif data.get("do") == "all":
        count = groups.add_to_group(
            group=group, stations=search_stations(_visible_stations(request), data.get("find", "").strip()[:120])
        )
        sentence = ngettext("%(n)s station added.", "%(n)s stations added.", count) % {"n": formatting.number(count)}
        if not request.htmx:
            messages.success(request, sentence)
    else:
        groups.add_to_group(group=group, stations=_visible_stations(request).filter(pk=get_object_or_404(chosen).pk))
    if request.htmx:
        return render(request, "chargers/groups/group_detail.html#contents", _group_context(request, group, data))
    return redirect("portal:group_detail", pk)


@login_required
@require_http_methods(["GET", "POST"])
def group_delete(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    group = _own_group(request, pk)
    if request.method == "GET":
        return render(request, "chargers/groups/group_delete.html", {"group": group})
    try:
        groups.delete_group(group=group)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("portal:group_detail", pk)
    messages.success(request, _("Group “%(name)s” deleted. Its stations are unchanged.") % {"name": group.name})
    return redirect("portal:group_list")


def _primary_key(text: str) -> int:
    return whole_number(text) or 0


@login_required
@require_POST
def group_choose(request: AuthenticatedRequest) -> HttpResponse:
    """Select a group or a provider, or clear the selection. A choice that is not in the request stays as it is."""
    data, session = request.POST, request.session
    if (key := data.get("group")) is not None:
        session.pop(groups.SESSION_KEY, None)
        if key:
            session[groups.SESSION_KEY] = _own_group(request, _primary_key(key)).pk
    if (key := data.get("provider")) is not None:
        session.pop(providers.SESSION_KEY, None)
        if key:
            chosen = providers.chosen_provider(request.user, _primary_key(key))
            if chosen is None:
                raise Http404
            session[providers.SESSION_KEY] = chosen.pk
    back = request.POST.get("next", "")
    is_safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if is_safe else "portal:dashboard")
