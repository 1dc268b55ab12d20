"""Stations in Django admin: adding, assigning, importing, setting passwords."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminPasswordWidget

from accounts.sign_in import fresh_proof
from chargers.credentials import services as credentials_services
from chargers.credentials.services import PASSWORD_FIELDS, record_password_change
from chargers.onboarding.resources import StationResource
from chargers.onboarding.services import registration
from chargers.stations.admin import STATE, PresenceFilter
from chargers.stations.models import ChargingStation, Connector, Presence
from chargers.stations.services import identities, statuses
from chargers.stations.services.boot import BOOT_FIELDS
from chargers.stations.services.configuration import MAX_PROFILE
from chargers.stations.services.identities import identity_warning
from cpms.common.errors import DomainError
from cpms.common.web.admin import STATIONS, StaffInlineMixin
from cpms.common.web.admin_files import FileMixin

BOOT_REPORT = [*BOOT_FIELDS, "booted_at", "boot_count"]
LINK = ["presence", "node", "remote_address", "connected_at", "disconnected_at", "last_heard_at", "epoch"]
OUT_OF_USE = ["deactivated_at", "handed_over_at"]


class StationForm(forms.ModelForm):
    """Edit a station. The team can be chosen only while the station is in the pool, see `get_readonly_fields`."""

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("The station signs in with this password (HTTP Basic). Leave empty to keep the current one."),
    )

    security_profile = forms.IntegerField(
        label=_("Security profile"),
        required=False,
        min_value=0,
        max_value=MAX_PROFILE,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_(
            "Accepted or reported by the station. With 2 or 3, the station can connect only by wss://. Clear it "
            "if the station was set back to ws:// and must connect again."
        ),
    )

    class Meta:
        model = ChargingStation
        fields = ["team", "name", "protocol", "registration", "security_profile"]

    def clean_new_password(self) -> bytes | None:
        text = self.cleaned_data["new_password"]
        if text and self.instance.handed_over_at is not None:
            raise ValidationError(_("This station was handed over to another team and can no longer connect here."))
        return _validated(credentials_services.check_password, text) if text else None

    def save(self, commit: bool = True) -> ChargingStation:
        if self.cleaned_data.get("new_password"):
            options = credentials_services.password_columns(self.cleaned_data["new_password"], self.instance.team)
            for name, value in options.items():
                setattr(self.instance, name, value)
            self.changed_data.extend(options)
        return super().save(commit)


class StationAddForm(StationForm):
    new_password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("The station signs in with this password (HTTP Basic)."),
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
        _validated(identities.check_identity, identity)
        return identity

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self.warnings = [identity_warning(data.get("identity", ""))]
        return data


def _validated(check: Any, value: Any) -> Any:
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


@admin.register(ChargingStation)
class ChargingStationAdmin(FileMixin, fresh_proof.FreshProofAdmin):
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
    readonly_fields = ["identity", "has_password", "created_at", *OUT_OF_USE, *BOOT_REPORT, *LINK, *STATE]
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
        (_("Boot report"), {"fields": BOOT_REPORT}),
        (_("Link"), {"fields": LINK}),
        (_("Status and clock"), {"fields": STATE}),
    )
    add_fieldsets = (
        (None, {"fields": ("identity", "team", "name", "protocol", "new_password", "number_of_connectors")}),
    )

    def needs_proof(self, request: HttpRequest, object_id: str | None) -> bool:
        """Ask for a new sign-in before setting a password or a team.

        With a team, a station of the pool gets a password, which is shown.
        """
        is_secret = bool(request.POST.get("new_password") or request.POST.get("team"))
        return request.method == "POST" and object_id is not None and is_secret

    def import_action(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Ask for a new sign-in: an imported file may set passwords of existing stations."""
        if not fresh_proof.is_confirmed(request):
            return fresh_proof.redirect_to_proof(request, request.path)
        return super().import_action(request, **kwargs)

    def process_import(self, request: HttpRequest, **kwargs: Any) -> Any:
        if not fresh_proof.is_confirmed(request):
            return fresh_proof.redirect_to_proof(request, reverse("admin:chargers_chargingstation_import"))
        return super().process_import(request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChargingStation]:
        return super().get_queryset(request).with_presence().defer("password", "next_password")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": StationAddForm}) | kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The team changes only by a handover: another team must not get the history that belongs to this one."""
        if obj is None:
            return []
        return self.readonly_fields if obj.team_id is None else [*self.readonly_fields, "team", "handing_over"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or obj.team_id is None:
            return super().get_fieldsets(request, obj)
        (name, options), (password, password_options), *rest = self.fieldsets
        if obj.handed_over_at is not None:
            return ((name, options), (password, {"fields": ["has_password"]}), *rest)
        identity, team, *others = options["fields"]
        return ((name, {"fields": [identity, team, "handing_over", *others]}), (password, password_options), *rest)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            if "team" in form.changed_data and obj.team is not None:
                self._assign(request, obj, form)
            if form.cleaned_data.get("new_password"):
                record_password_change(obj, request.user)  # type: ignore[arg-type]
            super().save_model(request, obj, form, change)
            return
        obj.save()
        for warning in filter(None, form.warnings):
            self.message_user(request, warning, messages.WARNING)
        statuses.ensure_connectors(
            [(obj.pk, number + 1) for number in range(form.cleaned_data["number_of_connectors"])]
        )

    def _assign(self, request: HttpRequest, obj: ChargingStation, form: Any) -> None:
        """Assign the station to a team; if it needs a password, a generated one is shown by `response_change`."""
        password = form.cleaned_data.get("new_password")
        assigned = registration.assign_station(station=obj, team=obj.team, password=password, actor=request.user)  # type: ignore[arg-type]
        request.generated_password = assigned.password  # type: ignore[attr-defined]
        for name in PASSWORD_FIELDS:
            setattr(obj, name, getattr(assigned.station, name))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        password = getattr(request, "generated_password", None)
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
        """A station with sessions is never deleted, since the ledger refers to it."""
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
            return str(_("a new one was sent and is not confirmed: the station can sign in with either"))
        if station.has_weak_password:
            return str(_("set, but weak: it has fewer than 16 characters"))
        if station.password_hash:
            return str(_("set; only its hash is stored"))
        if station.has_password:
            return str(_("set"))
        return str(_("not set: the station cannot sign in") if station.team_id else _("not set"))
