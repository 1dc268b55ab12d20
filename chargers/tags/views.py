"""The page ChargePoints > Authorization: the tags of the user's teams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access.rights import Can
from accounts.models import User
from chargers.installations.models import Installation
from chargers.tags import labels
from chargers.tags.filtersets import TagFilterSet
from chargers.tags.forms import DEFAULT_WINDOW, TagForm, window_row
from chargers.tags.models import Tag
from chargers.tags.services import cards, choosing, editing
from chargers.tags.services.scope import attach_selected_counts
from chargers.tags.tables import TAG_CELLS, TagTable, columns_without_news
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.typed import whole_number
from cpms.common.web.formatting import number
from cpms.common.web.pages import AuthenticatedRequest, DetailPage, FormPage, ListPage
from cpms.common.web.panels import Panel

SHOWN_PLACES = 50
MAX_TICKED = 50


class TagListView(ListPage):
    model = Tag
    table_class = TagTable
    filterset_class = TagFilterSet
    template_name = "chargers/tags/tag_list.html"
    export_name = "tags"
    export_cells = TAG_CELLS

    def rows(self) -> QuerySet[Any]:
        rows = super().rows().select_related("team", "user")
        ticked = _keys(self.request.GET.getlist("pk"))
        return rows.filter(pk__in=ticked) if ticked else rows

    def decorate(self, records: list[Any]) -> None:
        user: Any = self.request.user
        attach_selected_counts(records)
        for tag in records:
            tag.may_edit = user.access.may(Can.OPERATE, tag)

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        user: Any = self.request.user
        sort = self.request.GET.get("sort", "").lstrip("-")
        records = [row.record for row in context["page"].object_list]
        for name in columns_without_news(records) - {sort}:
            context["table"].columns.hide(name)
        return {"may_add": editing.teams_operated_by(user).exists()}


def _keys(texts: Sequence[str]) -> list[int]:
    return [key for text in texts[:MAX_TICKED] if (key := whole_number(text)) is not None]


class TagDetailView(DetailPage):
    """The page of one tag. The portal adds the panels of other apps."""

    model = Tag
    template_name = "chargers/tags/tag_detail.html"
    context_object_name = "tag"
    panels: Sequence[Callable[[Tag, User], Panel | None]] = ()

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("team", "user")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        tag: Any = self.object
        attach_selected_counts([tag])
        panels = [panel(tag, user) for panel in self.panels]
        return super().get_context_data(
            status=labels.status_badge(tag),
            scope=labels.scope_label(tag, tag.selected),
            is_nowhere=tag.scope == Tag.Scope.SELECTED and not tag.selected,
            windows=[labels.window_label(window) for window in tag.time_windows],
            is_blocked=tag.status == Tag.Status.BLOCKED,
            may_edit=user.access.may(Can.OPERATE, tag),
            places=choosing.places_of(tag, user)[:SHOWN_PLACES],
            place_count=sum(tag.selected.values()),
            panels=[panel for panel in panels if panel is not None],
            **kwargs,
        )


class TagAddView(FormPage):
    template_name = "chargers/tags/tag_form.html"
    form_class = TagForm
    tag: Tag | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated and not editing.teams_operated_by(request.user).exists():
            raise PermissionDenied(_("Only operators and administrators of a team can add tags."))
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user, "tag": self.tag}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(tag=self.tag, **kwargs)
        form, user = context["form"], self.request.user
        if form.is_bound:
            keys = form.data.getlist("places")
        else:
            keys = [place.key for place in choosing.places_of(self.tag, user)] if self.tag is not None else []  # type: ignore[arg-type]
        return context | _places_context(user, form.only_team, keys, "")

    def perform(self, form: Any) -> HttpResponse:
        actor: Any = self.request.user
        team = form.cleaned_data.get("team") or form.only_team
        with transaction.atomic():
            tag = editing.save_tag(actor=actor, team=team, tag=self.tag, **form.tag_fields)
            if "person" in form.fields and form.cleaned_data["person"] != tag.user:
                editing.assign_tag(actor=actor, tag=tag, person=form.cleaned_data["person"])
        messages.success(self.request, _("Tag %(value)s saved.") % {"value": tag.value})
        return redirect(tag)


class TagEditView(TagAddView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            self.tag = _editable_tag(request, kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        tag: Any = self.tag
        names = ("value", "label", "kind", "valid_from", "expires_at", "scope")
        return {name: getattr(tag, name) for name in names} | {"person": tag.user_id}


def _places_context(user: Any, team: Any, keys: list[str], text: str) -> dict[str, Any]:
    """Return what the picker shows: the chosen places, and those that could be chosen."""
    found = choosing.find_places(team=team, user=user, text=text, without=keys) if team is not None else []
    return {"chosen": choosing.places_with_keys(keys, user), "found": found, "find": text, "picker_team": team}


@login_required
@require_safe
def tag_places(request: AuthenticatedRequest) -> HttpResponse:
    """Return the picker for the scope of a tag with the places that match a text."""
    data = request.GET
    teams = editing.teams_operated_by(request.user)
    if not teams.exists():
        raise PermissionDenied(_("Only operators and administrators of a team can add tags."))
    team = teams.filter(pk=whole_number(data.get("team")) or 0).first()
    if team is None and data.get("team"):
        raise Http404
    context = _places_context(request.user, team, data.getlist("places"), data.get("find", "").strip()[:120])
    return render(request, "chargers/tags/parts/places.html", context)


@login_required
@require_safe
def tag_window(request: AuthenticatedRequest) -> HttpResponse:
    """Return a new row for the time windows editor, with a key that no other row has."""
    keys = [whole_number(key, max_digits=3) or 0 for key in request.GET.getlist("window")]
    row = window_row(DEFAULT_WINDOW, max(keys, default=-1) + 1)
    return render(request, "chargers/tags/parts/window.html", {"row": row, "is_new": True})


def _editable_tag(request: HttpRequest, pk: int) -> Tag:
    user: Any = request.user
    tag: Tag = get_object_or_404(Tag.objects.reachable_by(user).select_related("team", "user"), pk=pk)
    if not user.access.may(Can.OPERATE, tag):
        raise PermissionDenied(_("Only operators and administrators of the team can edit its tags."))
    return tag


@login_required
@require_POST
def tag_block(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Block or unblock a tag."""
    tag = _editable_tag(request, pk)
    editing.set_tag_blocked(actor=request.user, tag=tag, is_blocked=request.POST.get("block") == "yes")
    return redirect(tag)


@login_required
@require_POST
def tag_bulk(request: AuthenticatedRequest) -> HttpResponse:
    """Delete, block, unblock or export the ticked tags."""
    keys, action = _keys(request.POST.getlist("pk")), request.POST.get("do", "")
    tags = list(Tag.objects.reachable_by(request.user).select_related("team").filter(pk__in=keys).order_by("pk"))
    if not tags:
        messages.error(request, _("Select at least one tag."))
        return redirect("chargers:tag_list")
    if action == "export":
        query = QueryDict(mutable=True)
        query.setlist("pk", [str(tag.pk) for tag in tags])
        query["export"] = "csv"
        return redirect(f"{reverse('chargers:tag_list')}?{query.urlencode()}")
    try:
        sentence = _act(request.user, tags, action)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    messages.success(request, sentence % {"n": number(len(tags))})
    return redirect("chargers:tag_list")


@login_required
@require_POST
def installation_cards(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Allow a tag at all stations of an installation, or remove it there."""
    installation = get_object_or_404(Installation.objects.reachable_by(request.user).select_related("team"), pk=pk)
    try:
        if key := whole_number(request.POST.get("remove")):
            tag = get_object_or_404(Tag.objects.reachable_by(request.user), pk=key)
            cards.remove_card(actor=request.user, installation=installation, tag=tag)
            sentence = _("Tag %(value)s removed from %(place)s.")
        else:
            text = request.POST.get("tag", "")[:120]
            tag = cards.allow_card(actor=request.user, installation=installation, text=text)
            sentence = _("Tag %(value)s is valid at all stations of %(place)s.")
        messages.success(request, sentence % {"value": tag.value, "place": installation.name})
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("places:installation_cards", installation.pk)


def _act(actor: User, tags: list[Tag], action: str) -> str:
    """Do what the bulk bar asks for. Returns the sentence to show, in which %(n)s is the number of tags.

    Raises:
        Http404: there is no such action.
    """
    count = len(tags)
    if action == "delete":
        editing.delete_tags(actor=actor, tags=tags)
        return ngettext("%(n)s tag deleted.", "%(n)s tags deleted.", count)
    if action not in ("block", "unblock"):
        raise Http404
    editing.set_tags_blocked(actor=actor, tags=tags, is_blocked=action == "block")
    if action == "block":
        return ngettext("%(n)s tag blocked.", "%(n)s tags blocked.", count)
    return ngettext("%(n)s tag unblocked.", "%(n)s tags unblocked.", count)


@login_required
@require_http_methods(["GET", "POST"])
def tag_delete(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    tag = _editable_tag(request, pk)
    if request.method == "GET":
        return render(request, "chargers/tags/tag_delete.html", {"tag": tag})
    try:
        editing.delete_tag(actor=request.user, tag=tag)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    messages.success(request, _("Tag %(value)s deleted.") % {"value": tag.value})
    return redirect("chargers:tag_list")
