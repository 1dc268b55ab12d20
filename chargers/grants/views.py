"""Pages of access to installations and stations."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access.rights import Can, GrantRole
from accounts.models import Grant
from chargers.grants.forms import DriverTagForm, GrantAddForm, GrantEditForm
from chargers.grants.panels import GrantList, grants_shown_to
from chargers.grants.services import driver_tags
from chargers.grants.services.grants import (
    Place,
    create_grant,
    edit_grant,
    find_place,
    has_no_account,
    invite_driver,
    may_change,
    may_withdraw,
    withdraw_grant,
)
from chargers.grants.tables import place_label
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from cpms.common.errors import NotAllowed
from cpms.common.text.typed import whole_number
from cpms.common.web.pages import AuthenticatedRequest, FormPage


class GrantListView(GrantList):
    template_name = "chargers/grants/grant_list.html"

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"may_give": bool(self.request.user.access.scope(Can.MANAGE_ACCESS))}  # type: ignore[union-attr]


class GrantAddView(FormPage):
    template_name = "chargers/grants/grant_give.html"
    form_class = GrantAddForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.place: Place | None = None
        if request.user.is_authenticated:
            self.place = self._place(request)
            may_manage = request.user.access.may(Can.MANAGE_ACCESS, self.place) if self.place else None
            if may_manage is False or not request.user.access.scope(Can.MANAGE_ACCESS):
                raise PermissionDenied(_("Only administrators of the team and owners can grant access."))
        return super().dispatch(request, *args, **kwargs)

    def _place(self, request: HttpRequest) -> Place | None:
        for name, model in (("station", ChargingStation), ("installation", Installation)):
            if key := request.GET.get(name):
                rows: Any = model.objects.visible_to(request.user)
                return get_object_or_404(rows, pk=whole_number(key) or 0)
        return None

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user, "place": self.place}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(place=self.place, **kwargs)

    def perform(self, form: GrantAddForm) -> HttpResponse:  # type: ignore[override]
        data, actor = form.cleaned_data, self.request.user
        installation = data.get("installation")
        place = self.place or find_place(
            actor=actor,  # type: ignore[arg-type]
            station=data["station"],
            installation=installation and installation.pk,
        )
        if data["role"] == GrantRole.USER and has_no_account(data["email"]):
            invite_driver(place=place, email=data["email"], ends_at=data["ends_at"], actor=actor)  # type: ignore[arg-type]
            messages.success(self.request, _("%(email)s invited to charge.") % {"email": data["email"]})
            return redirect("access:grant_list")
        grant = create_grant(
            place=place,
            role=data["role"],
            email=data["email"],
            to_team=data["to_team"],
            ends_at=data["ends_at"],
            actor=actor,  # type: ignore[arg-type]
        )
        values = {"who": grant.holder, "place": place_label(grant)}
        messages.success(self.request, _("%(who)s now has access to %(place)s and is notified by e-mail.") % values)
        return redirect("access:grant_list")


class GrantEditView(FormPage):
    template_name = "chargers/grants/grant_edit.html"
    form_class = GrantEditForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            self.grant: Grant = get_object_or_404(grants_shown_to(request.user), pk=kwargs["pk"])
            if not may_change(request.user, self.grant):
                raise PermissionDenied(_("You cannot edit this access: the team granted it."))
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"role": self.grant.role, "ends_at": self.grant.ends_at}

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user, "place": self.grant.place}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(grant=self.grant, place=place_label(self.grant), **kwargs)

    def perform(self, form: GrantEditForm) -> HttpResponse:  # type: ignore[override]
        ends_at = form.cleaned_data["ends_at"] if "ends_at" in form.changed_data else self.grant.ends_at
        edit_grant(grant=self.grant, role=form.cleaned_data["role"], ends_at=ends_at, actor=self.request.user)  # type: ignore[arg-type]
        messages.success(self.request, _("Access of %(who)s saved.") % {"who": self.grant.holder})
        return redirect("access:grant_list")


class DriverTagsView(FormPage):
    """The tags of a user who was granted the right to charge, and a form that adds another one."""

    template_name = "chargers/grants/driver_tags.html"
    form_class = DriverTagForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            self.grant: Grant = get_object_or_404(grants_shown_to(request.user), pk=kwargs["pk"])
            if not driver_tags.may_give_tags(request.user, self.grant):
                raise PermissionDenied(_("You cannot give this person a tag."))
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        user: Any = self.request.user
        return super().get_form_kwargs() | {"may_be_teams": driver_tags.may_give_team_tags(user, self.grant)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        tags = driver_tags.tags_of(self.grant)
        return super().get_context_data(grant=self.grant, place=place_label(self.grant), tags=tags, **kwargs)

    def perform(self, form: DriverTagForm) -> HttpResponse:  # type: ignore[override]
        data, actor = form.cleaned_data, self.request.user
        tag = driver_tags.give_tag(
            grant=self.grant,
            value=data["value"],
            label=data["label"],
            is_teams=data.get("is_teams", False),
            actor=actor,  # type: ignore[arg-type]
        )
        values = {"who": self.grant.holder, "value": tag.value}
        messages.success(self.request, _("%(who)s can charge with the tag %(value)s.") % values)
        return redirect("access:driver_tags", self.grant.pk)


@login_required
@require_http_methods(["GET", "POST"])
def grant_withdraw(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    grant = get_object_or_404(grants_shown_to(request.user), pk=pk)
    if not may_withdraw(request.user, grant):
        raise PermissionDenied(_("You cannot revoke this access."))
    if request.method == "GET":
        context = {"grant": grant, "place": place_label(grant), "is_own": grant.user_id == request.user.pk}
        return render(request, "chargers/grants/grant_withdraw.html", context)
    try:
        withdraw_grant(grant=grant, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    messages.success(request, _("Access of %(who)s revoked.") % {"who": grant.holder})
    return redirect("access:grant_list")
