from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from import_export.admin import ImportExportModelAdmin
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.contrib.import_export.forms import ExportForm, ImportForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminPasswordWidget

from accounts.models import User
from accounts.sign_in import fresh_proof as confirm
from chargers import services
from chargers.events import admin as _events  # noqa: F401 - it registers there
from chargers.models import (
    ChargingStation,
    Circuit,
    Connector,
    GatewayNode,
    Installation,
    Oddity,
    Presence,
    StationGroup,
    Tag,
)
from chargers.resources import StationResource, TagResource
from chargers.services.boot import BOOT_FIELDS
from chargers.services.configuration import HIGHEST_PROFILE
from chargers.services.naming import identity_warning
from chargers.services.passwords import PASSWORD_FIELDS, note_password
from chargers.services.registration import LONGEST_TAG, length_refusal
from cpms.common.errors import DomainError
from cpms.common.web.admin import (
    REPORTS,
    STATIONS,
    BackOfficeAdmin,
    ReportAdmin,
    StaffInlineMixin,
    StationSearchMixin,
    UploadStorage,
)
from cpms.common.web.downloads import Download, tell
from cpms.common.web.file_formats import SafeCSV, SafeXLSX


class FileMixin(ImportExportModelAdmin):
    """Import and export as Unfold draws them, in the two formats that people use."""

    import_form_class = ImportForm
    export_form_class = ExportForm
    formats = [SafeCSV, SafeXLSX]
    tmp_storage_class = UploadStorage
    show_change_form_export = False

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """What the list calls a wrong filter is none here either."""
        try:
            return super().export_action(request)
        except IncorrectLookupParameters:
            address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            return redirect(f"{address}?{ERROR_FLAG}=1")

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any) -> Any:
        """Record the same audit entry as for an export from the portal."""
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        teams = list(queryset.order_by().values_list("team_id", flat=True).distinct()[:2])
        tell(
            Download(
                cast(User, request.user),
                self.model,
                name=str(self.opts.model_name),
                right=queryset.right,
                form=file_format.get_extension(),
                filters={},
                teams=teams if len(teams) == 1 else [None],
            )
        )
        return data


class StationForm(forms.ModelForm):
    """Asks for the team only while the station waits in the pool: see `get_readonly_fields` below."""

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("What the station proves itself with (HTTP Basic). Empty: it stays as it is."),
    )

    security_profile = forms.IntegerField(
        label=_("Security profile"),
        required=False,
        min_value=0,
        max_value=HIGHEST_PROFILE,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_(
            "What the station accepted or reported. With 2 or 3 it may connect by wss:// only. Clear it to let a "
            "station in again that was set back to ws://."
        ),
    )

    class Meta:
        model = ChargingStation
        fields = ["team", "name", "protocol", "registration", "security_profile"]

    def clean_new_password(self) -> bytes | None:
        text = self.cleaned_data["new_password"]
        if text and self.instance.handed_over_at is not None:
            raise ValidationError(
                _("This station was handed over to another team: nothing connects as this one any more.")
            )
        return _accepted(services.check_password, text) if text else None

    def save(self, commit: bool = True) -> ChargingStation:
        if self.cleaned_data.get("new_password"):
            facts = services.password_facts(self.cleaned_data["new_password"], self.instance.team)
            for name, value in facts.items():
                setattr(self.instance, name, value)
            self.changed_data.extend(facts)
        return super().save(commit)


class StationAddForm(StationForm):
    new_password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("What the station proves itself with (HTTP Basic)."),
    )
    number_of_connectors = forms.IntegerField(
        label=_("Connectors"), min_value=0, max_value=100, initial=2, widget=UnfoldAdminIntegerFieldWidget()
    )

    class Meta:
        model = ChargingStation
        fields = ["identity", "team", "name", "protocol"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].required = True

    def clean_identity(self) -> str:
        identity = str(self.cleaned_data["identity"])
        _accepted(services.check_identity, identity)
        return identity

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        self.warnings = [identity_warning(given.get("identity", ""))]
        return given


def _accepted(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except DomainError as error:
        raise ValidationError(str(error)) from None


class ConnectorInline(StaffInlineMixin, TabularInline):
    model = Connector
    fields = ["number", "max_power_w", "status", "error_code", "status_changed_at"]
    readonly_fields = ["status", "error_code", "status_changed_at"]
    extra = 0

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PresenceFilter(admin.SimpleListFilter):
    title, parameter_name = _("presence"), "presence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return list(Presence.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(presence=self.value()) if self.value() else queryset


SAID = [*BOOT_FIELDS, "booted_at", "boot_count"]
LINK = ["presence", "node", "remote_address", "connected_at", "disconnected_at", "last_heard_at", "epoch"]
OUT_OF_USE = ["deactivated_at", "handed_over_at"]
STATE = ["status", "error_code", "status_changed_at", "clock_offset_ms", "clock_measured_at"]


@admin.register(ChargingStation)
class ChargingStationAdmin(FileMixin, confirm.FreshProofAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "ev_station", 10
    form = StationForm
    resource_classes = [StationResource]
    list_display = ["identity", "name", "team", "vendor", "model", "registration", "presence", "last_heard_at"]
    list_filter = [
        PresenceFilter,
        "registration",
        "protocol",
        ("team", AutocompleteSelectFilter),
        ("deactivated_at", admin.EmptyFieldListFilter),
        "has_weak_password",
    ]
    list_select_related = ["team", "node"]
    search_fields = ["identity", "name", "serial_number"]
    autocomplete_fields = ["team"]
    readonly_fields = ["identity", "has_password", "created_at", *OUT_OF_USE, *SAID, *LINK, *STATE]
    inlines = [ConnectorInline]
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "identity",
                    "team",
                    "name",
                    "protocol",
                    "registration",
                    "security_profile",
                    "created_at",
                    *OUT_OF_USE,
                )
            },
        ),
        (_("Password"), {"fields": ("has_password", "new_password")}),
        (_("What it said when it booted"), {"fields": SAID}),
        (_("Link"), {"fields": LINK}),
        (_("Status and clock"), {"fields": STATE}),
    )
    add_fieldsets = (
        (None, {"fields": ("identity", "team", "name", "protocol", "new_password", "number_of_connectors")}),
    )

    def needs_proof(self, request: HttpRequest, object_id: str | None) -> bool:
        """Another password, or a team: with it a station of the pool gets a password, which is shown."""
        is_secret = bool(request.POST.get("new_password") or request.POST.get("team"))
        return request.method == "POST" and object_id is not None and is_secret

    def import_action(self, request: HttpRequest, **kwargs: Any) -> Any:
        """A file may hold passwords of stations that are there."""
        if not confirm.is_confirmed(request):
            return confirm.ask(request, request.path)
        return super().import_action(request, **kwargs)

    def process_import(self, request: HttpRequest, **kwargs: Any) -> Any:
        if not confirm.is_confirmed(request):
            return confirm.ask(request, reverse("admin:chargers_chargingstation_import"))
        return super().process_import(request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChargingStation]:
        return super().get_queryset(request).with_presence().defer("password", "next_password")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": StationAddForm}) | kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The team changes only by a handover, because another team must not get what belongs to this one."""
        if obj is None:
            return []
        return self.readonly_fields if obj.team_id is None else [*self.readonly_fields, "team", "handing_over"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or obj.team_id is None:
            return super().get_fieldsets(request, obj)
        (name, facts), (password, kept), *rest = self.fieldsets
        if obj.handed_over_at is not None:
            return ((name, facts), (password, {"fields": ["has_password"]}), *rest)
        identity, team, *others = facts["fields"]
        return ((name, {"fields": [identity, team, "handing_over", *others]}), (password, kept), *rest)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            if "team" in form.changed_data and obj.team is not None:
                self._assign(request, obj, form)
            if form.cleaned_data.get("new_password"):
                note_password(obj, request.user)  # type: ignore[arg-type]
            super().save_model(request, obj, form, change)
            return
        obj.save()
        for warning in filter(None, form.warnings):
            self.message_user(request, warning, messages.WARNING)
        services.ensure_connectors(
            [(obj.pk, number + 1) for number in range(form.cleaned_data["number_of_connectors"])]
        )

    def _assign(self, request: HttpRequest, obj: ChargingStation, form: Any) -> None:
        """A station of a team needs a password; if none is given, one is generated and shown by `response_change`."""
        given = form.cleaned_data.get("new_password")
        assigned = services.assign_station(station=obj, team=obj.team, password=given, actor=request.user)  # type: ignore[arg-type]
        request.made_password = assigned.password  # type: ignore[attr-defined]
        for name in PASSWORD_FIELDS:
            setattr(obj, name, getattr(assigned.station, name))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        password = getattr(request, "made_password", None)
        if password is None:
            return super().response_change(request, obj)
        context = {
            **self.admin_site.each_context(request),
            "title": obj.identity,
            "opts": self.opts,
            "station": obj,
            "password": password,
        }
        return TemplateResponse(
            request, "admin/chargers/station_assigned.html", context, headers={"Cache-Control": "no-store"}
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A station that ever charged is never deleted: the ledger names it."""
        if not isinstance(obj, ChargingStation) or not super().has_delete_permission(request, obj):
            return False
        return not obj.charging_sessions.exists()

    @admin.display(description=_("presence"))
    def presence(self, station: Any) -> str:
        return str(Presence(station.presence).label)

    @admin.display(description=_("another team"))
    def handing_over(self, station: ChargingStation) -> SafeString:
        address = reverse("chargers:station_hand_over", args=[station.pk])
        return format_html('<a href="{}">{}</a>', address, _("Hand over to another team"))

    @admin.display(description=_("password"))
    def has_password(self, station: ChargingStation) -> str:
        if station.is_password_open:
            return str(_("the station was told a new one and has not answered: it may log in with either"))
        if station.has_weak_password:
            return str(_("set, but weak: it has fewer than 16 characters"))
        if station.password_hash:
            return str(_("set; only its hash is kept"))
        if station.has_password:
            return str(_("set"))
        return str(_("not set: the station cannot log in") if station.team_id else _("not set"))


@admin.register(Connector)
class ConnectorAdmin(StationSearchMixin, BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "electrical_services", 20
    list_display = ["station", "number", "status", "error_code", "status_changed_at"]
    list_filter = ["status"]
    list_select_related = ["station"]
    ordering = ["-id"]
    autocomplete_fields = ["station"]
    readonly_fields = [
        "status",
        "error_code",
        "info",
        "vendor_error_code",
        "status_changed_at",
        "reported_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connector]:
        return super().get_queryset(request).defer("station__password")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.readonly_fields, "station", "number"] if obj else self.readonly_fields


class TagAdminForm(forms.ModelForm):
    """Takes a longer value only from a tag that has it: a station may have sent it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "value" in self.fields:
            self.fields["value"].widget.attrs.pop("maxlength", None)  # it would cut off what is pasted

    def clean_value(self) -> str:
        value = str(self.cleaned_data["value"])
        if "value" in self.changed_data and len(value) > LONGEST_TAG:
            raise ValidationError(length_refusal())
        return value


@admin.register(Tag)
class TagAdmin(FileMixin, BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "contactless", 30
    form = TagAdminForm
    resource_classes = [TagResource]
    list_display = ["value", "label", "kind", "team", "status", "expires_at", "user"]
    list_filter = [
        "status",
        "kind",
        "allows_concurrent",
        ("expires_at", RangeDateTimeFilter),
        ("team", AutocompleteSelectFilter),
    ]
    list_select_related = ["team", "user"]
    search_fields = ["value", "label"]
    autocomplete_fields = ["team", "user", "stations"]
    readonly_fields = ["created_at"]


class CircuitInline(StaffInlineMixin, TabularInline):
    model = Circuit
    fields = ["name", "parent", "max_current_a", "phases"]
    autocomplete_fields = ["parent"]
    extra = 0


@admin.register(Installation)
class InstallationAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "location_city", 5
    list_display = ["name", "team", "street", "postal_code", "city", "country"]
    list_filter = [("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["name", "city", "street"]
    autocomplete_fields = ["team"]
    readonly_fields = ["created_at"]
    inlines = [CircuitInline]


@admin.register(Circuit)
class CircuitAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "account_tree", 6
    list_display = ["name", "installation", "parent", "max_current_a", "phases"]
    list_filter = ["phases", ("installation", AutocompleteSelectFilter)]
    list_select_related = ["installation", "parent__installation"]
    search_fields = ["name", "installation__name"]
    autocomplete_fields = ["installation", "parent"]


@admin.register(StationGroup)
class StationGroupAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "workspaces", 35
    list_display = ["name", "user"]
    list_select_related = ["user"]
    search_fields = ["name", "user__email"]
    autocomplete_fields = ["user", "stations"]


@admin.register(GatewayNode)
class GatewayNodeAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "dns", 40
    list_display = ["name", "started_at", "alive_at", "station_count"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GatewayNode]:
        return super().get_queryset(request).annotate(station_count=Count("stations"))

    @admin.display(description=_("stations"))
    def station_count(self, node: Any) -> int:
        return int(node.station_count)


@admin.register(Oddity)
class OddityAdmin(StationSearchMixin, ReportAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "help", 10
    list_display = ["received_at", "station", "kind", "action", "session_id", "note"]
    list_filter = ["kind", ("received_at", RangeDateTimeFilter)]
    list_select_related = ["station"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Oddity]:
        return super().get_queryset(request).defer("station__password", "payload")
