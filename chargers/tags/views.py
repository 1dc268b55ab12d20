"""The page ChargePoints > Authorization: the tags of the user's teams."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.rights import Can
from accounts.models import Team, User
from chargers.stations.models import ChargingStation
from chargers.tags.fields import TagValueField
from chargers.tags.models import Tag
from chargers.tags.services import editing
from chargers.tags.services.finding import search_tags
from cpms.common.errors import NotAllowed
from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.pages import AuthenticatedRequest, DetailPage, FormPage, ListPage
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines
from cpms.common.web.widgets import SELECT

SHOWN_STATIONS = 50


def status_badge(tag: Tag) -> SafeString:
    if tag.status == Tag.Status.BLOCKED:
        return formatting.status("bad", _("Blocked"))
    if tag.expires_at is not None and tag.expires_at <= timezone.now():
        return formatting.status("warn", _("Expired"))
    return formatting.status("good", _("Accepted"))


class TagFilterSet(django_filters.FilterSet):
    STATES = [
        ("accepted", gettext_lazy("Accepted")),
        ("blocked", gettext_lazy("Blocked")),
        ("expired", gettext_lazy("Expired")),
    ]

    q = django_filters.CharFilter(label=gettext_lazy("Tag, note or person"), method="search")
    state = django_filters.ChoiceFilter(label=gettext_lazy("Status"), choices=STATES, method="by_state", widget=SELECT)
    kind = django_filters.ChoiceFilter(label=gettext_lazy("Type"), choices=Tag.Kind.choices, widget=SELECT)

    class Meta:
        model = Tag
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search_tags(rows, value)

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "accepted":
            return rows.valid()  # type: ignore[attr-defined]
        if value == "blocked":
            return rows.filter(status=Tag.Status.BLOCKED)
        return rows.filter(status=Tag.Status.ACCEPTED, expires_at__lte=timezone.now())


class TagTable(Table):
    value = tables.Column(verbose_name=gettext_lazy("RFID tag"), orderable=True)
    state = tables.Column(verbose_name=gettext_lazy("Status"), empty_values=(), attrs={"td": {"class": "rhs"}})
    kind = tables.Column(verbose_name=gettext_lazy("Type"), attrs=WIDE)
    user = tables.Column(verbose_name=gettext_lazy("Person"), empty_values=(), attrs=WIDE)
    team = tables.Column(verbose_name=gettext_lazy("Team"), attrs=WIDE)
    expires_at = MomentColumn(
        verbose_name=gettext_lazy("Expires"), orderable=True, never=gettext_lazy("Does not expire."), attrs=WIDE
    )

    class Meta(Table.Meta):
        order_by = "value"

    def render_value(self, record: Tag) -> SafeString:
        link = format_html('<a href="{}" class="mono">{}</a>', record.get_absolute_url(), record.value)
        return two_lines(link, record.label)

    def render_state(self, record: Tag) -> SafeString:
        return status_badge(record)

    def render_user(self, record: Tag) -> SafeString | str:
        return str(record.user) if record.user else formatting.dash(_("Not assigned."))


TAG_CELLS = [
    Cell(gettext_lazy("RFID tag"), lambda tag: tag.value),
    Cell(gettext_lazy("Note"), lambda tag: tag.label),
    Cell(gettext_lazy("Status"), lambda tag: tag.get_status_display()),
    Cell(gettext_lazy("Type"), lambda tag: tag.get_kind_display()),
    Cell(gettext_lazy("Person"), lambda tag: tag.user.email if tag.user else ""),
    Cell(gettext_lazy("Team"), lambda tag: tag.team.name if tag.team else ""),
    Cell(gettext_lazy("Expires"), lambda tag: tag.expires_at, is_time=True),
]


class TagListView(ListPage):
    model = Tag
    table_class = TagTable
    filterset_class = TagFilterSet
    template_name = "chargers/tags/tag_list.html"
    export_name = "tags"
    export_cells = TAG_CELLS

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("team", "user")

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        user: Any = self.request.user
        return {"may_add": editing.teams_operated_by(user).exists()}


class TagDetailView(DetailPage):
    model = Tag
    template_name = "chargers/tags/tag_detail.html"
    context_object_name = "tag"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("team", "user").annotate(station_count=Count("stations"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        stations = ChargingStation.objects.reachable_by(user).filter(scoped_tags=self.object).order_by("identity")
        return super().get_context_data(
            status=status_badge(self.object),
            is_blocked=self.object.status == Tag.Status.BLOCKED,
            may_edit=user.access.may(Can.OPERATE, self.object),
            stations=list(stations.only("pk", "identity", "name")[:SHOWN_STATIONS]),
            **kwargs,
        )


class TagForm(forms.Form):
    team = forms.ModelChoiceField(label=gettext_lazy("Team"), queryset=Team.objects.none())
    value = TagValueField(
        label=gettext_lazy("RFID tag"),
        required=False,
        help_text=gettext_lazy(
            "The number that a card reader shows; not case-sensitive. Leave empty to create a virtual tag."
        ),
    )
    label = forms.CharField(label=gettext_lazy("Additional note"), max_length=120, required=False)
    kind = forms.ChoiceField(label=gettext_lazy("RFID tag type"), choices=Tag.Kind.choices, initial=Tag.Kind.OTHER)
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("The tag is refused from this time on. Leave empty for no end date."),
    )
    stations = forms.CharField(
        label=gettext_lazy("Valid charging stations"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"}),
        help_text=gettext_lazy("Identities, one per line. Leave empty for all stations of the team."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        teams = editing.teams_operated_by(user)
        first = list(teams[:2])
        if len(first) == 1:
            del self.fields["team"]
        else:
            self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        self.only_team = first[0] if len(first) == 1 else None

    def clean_stations(self) -> list[ChargingStation]:
        identities = {line.strip() for line in self.cleaned_data["stations"].splitlines() if line.strip()}
        if len(identities) > editing.MAX_STATIONS:
            raise ValidationError(_("At most %(most)d stations.") % {"most": editing.MAX_STATIONS})
        rows = ChargingStation.objects.reachable_by(self.user).filter(identity__in=identities)
        found = list(rows.only("pk", "identity", "team"))
        if missing := identities - {station.identity for station in found}:
            raise ValidationError(_("There is no station %(names)s.") % {"names": ", ".join(sorted(missing))})
        return found

    @property
    def tag_fields(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "team"}


class TagAddView(FormPage):
    template_name = "chargers/tags/tag_form.html"
    form_class = TagForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated and not editing.teams_operated_by(request.user).exists():
            raise PermissionDenied(_("Only operators and administrators of a team can add tags."))
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    def perform(self, form: Any) -> HttpResponse:
        actor: Any = self.request.user
        tag = editing.save_tag(actor=actor, team=form.cleaned_data.get("team") or form.only_team, **form.tag_fields)
        messages.success(self.request, _("Tag %(value)s saved.") % {"value": tag.value})
        return redirect(tag)


class TagEditView(TagAddView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            self.tag: Tag = _editable_tag(request, kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        form.fields.pop("team", None)  # the team of a tag cannot be changed
        form.only_team = self.tag.team
        form.fields["value"].required = True
        form.fields["value"].initial = self.tag.value
        return form

    def get_initial(self) -> dict[str, Any]:
        tag = self.tag
        identities = tag.stations.order_by("identity").values_list("identity", flat=True)
        values = {name: getattr(tag, name) for name in ("value", "label", "kind", "expires_at")}
        return values | {"stations": "\n".join(identities)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(tag=self.tag, **kwargs)

    def perform(self, form: Any) -> HttpResponse:
        actor: Any = self.request.user
        tag = editing.save_tag(actor=actor, team=self.tag.team, tag=self.tag, **form.tag_fields)
        messages.success(self.request, _("Tag %(value)s saved.") % {"value": tag.value})
        return redirect(tag)


def _editable_tag(request: HttpRequest, pk: int) -> Tag:
    user: Any = request.user
    tag: Tag = get_object_or_404(Tag.objects.reachable_by(user).select_related("team"), pk=pk)
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
