"""Pages of a user's own groups of stations: list, edit, choose the one to look at."""

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
from chargers.stations.services.activity import DEACTIVATED_KEY
from chargers.stations.services.finding import search_stations
from cpms.common.text.typed import whole_number
from cpms.common.web import formatting
from cpms.common.web.pages import AuthenticatedRequest, FormPage, ListPage

SHOWN = 20


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
        messages.success(self.request, _("The group “%(name)s” is made. Add stations to it.") % {"name": group.name})
        return redirect("portal:group_detail", group.pk)


class GroupEditView(FormPage):
    template_name = "chargers/groups/group_form.html"
    form_class = GroupForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            self.group: StationGroup = _own(request, kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"name": self.group.name}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(group=self.group, **kwargs)

    def perform(self, form: Any) -> HttpResponse:
        groups.rename_group(group=self.group, name=form.cleaned_data["name"])
        messages.success(self.request, _("The group's name is saved."))
        return redirect("portal:group_detail", self.group.pk)


def _own(request: HttpRequest, pk: int) -> StationGroup:
    group: StationGroup = get_object_or_404(StationGroup.objects.visible_to(request.user), pk=pk)
    return group


@login_required
@require_safe
def group_detail(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    group = _own(request, pk)
    context = _contents(request, group, request.GET)
    is_part = request.htmx and request.htmx.target == "contents"
    template = "chargers/groups/group_detail.html"
    return render(request, f"{template}#contents" if is_part else template, context)


def _seen(request: AuthenticatedRequest) -> QuerySet[ChargingStation]:
    stations: QuerySet[ChargingStation] = ChargingStation.objects.reachable_by(request.user)
    return stations.only("pk", "identity", "name").order_by("identity")


def _contents(request: AuthenticatedRequest, group: StationGroup, asked: Any) -> dict[str, Any]:
    """What is in a group, and what could be: a page of each."""
    find = asked.get("find", "").strip()[:120]
    page = asked.get("page", "")
    members = StationGroup.stations.through.objects.filter(stationgroup=group, chargingstation=OuterRef("pk"))
    inside, outside = (
        _seen(request).filter(Exists(members)),
        search_stations(_seen(request).exclude(Exists(members)), find),
    )
    first = (max(whole_number(page, max_digits=6) or 1, 1) - 1) * SHOWN
    count = inside.order_by().count()
    first = first if first < count else 0
    return {
        "group": group,
        "find": find,
        "count": count,
        "members": list(inside[first : first + SHOWN]),
        "first": first + 1,
        "last": min(first + SHOWN, count),
        "page_number": first // SHOWN + 1,
        "previous": first // SHOWN or None,
        "next": first // SHOWN + 2 if first + SHOWN < count else None,
        "found": list(outside[:SHOWN]),
        "found_count": outside.order_by().count(),
    }


@login_required
@require_POST
def group_stations(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Add a station, or all that were found, or take one out."""
    group, asked = _own(request, pk), request.POST
    key = asked.get("station", "")
    chosen = _seen(request).filter(pk=_key(key))
    if asked.get("do") == "take":
        groups.remove_from_group(group=group, station=get_object_or_404(chosen))
    elif asked.get("do") == "all":
        count = groups.add_to_group(
            group=group, stations=search_stations(_seen(request), asked.get("find", "").strip()[:120])
        )
        sentence = ngettext("%(n)s station is added.", "%(n)s stations are added.", count) % {
            "n": formatting.number(count)
        }
        if not request.htmx:
            messages.success(request, sentence)
    else:
        groups.add_to_group(group=group, stations=_seen(request).filter(pk=get_object_or_404(chosen).pk))
    if request.htmx:
        return render(request, "chargers/groups/group_detail.html#contents", _contents(request, group, asked))
    return redirect("portal:group_detail", pk)


@login_required
@require_http_methods(["GET", "POST"])
def group_delete(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    group = _own(request, pk)
    if request.method == "GET":
        return render(request, "chargers/groups/group_delete.html", {"group": group})
    groups.delete_group(group=group)
    messages.success(request, _("The group “%(name)s” is deleted. Its stations are not.") % {"name": group.name})
    return redirect("portal:group_list")


def _key(text: str) -> int:
    return whole_number(text) or 0


@login_required
@require_POST
def group_choose(request: AuthenticatedRequest) -> HttpResponse:
    """Select a group or a provider or clear the selection, and show or hide deactivated stations. A choice that is not
    in the request stays as it is."""
    asked, session = request.POST, request.session
    if (key := asked.get("group")) is not None:
        session.pop(groups.SESSION_KEY, None)
        if key:
            session[groups.SESSION_KEY] = _own(request, _key(key)).pk
    if (key := asked.get("provider")) is not None:
        session.pop(providers.SESSION_KEY, None)
        if key:
            chosen = providers.chosen_provider(request.user, _key(key))
            if chosen is None:
                raise Http404
            session[providers.SESSION_KEY] = chosen.pk
    if (shown := asked.get("deactivated")) is not None:
        session[DEACTIVATED_KEY] = shown == "show"
    back = request.POST.get("next", "")
    is_safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if is_safe else "portal:dashboard")
