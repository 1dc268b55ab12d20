"""Tags in Django admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from chargers.tags.models import RefusedTag, Tag
from chargers.tags.resources import TagResource
from chargers.tags.services.adding import MAX_TAG_LENGTH, length_refusal
from chargers.tags.services.windows import checked_windows
from cpms.common.errors import DomainError
from cpms.common.web.admin import STATIONS, BackOfficeAdmin, ReportAdmin
from cpms.common.web.admin_files import FileMixin


class TagAdminForm(forms.ModelForm):
    """Accept a long value only if the tag already has it: a station may have sent it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "value" in self.fields:
            self.fields["value"].widget.attrs.pop("maxlength", None)  # it would cut off a pasted value

    def clean_value(self) -> str:
        value = str(self.cleaned_data["value"])
        if "value" in self.changed_data and len(value) > MAX_TAG_LENGTH:
            raise ValidationError(length_refusal())
        return value

    def clean_time_windows(self) -> list[dict[str, Any]]:
        try:
            return checked_windows(self.cleaned_data["time_windows"] or [])
        except DomainError as error:
            raise ValidationError(str(error)) from None


@admin.register(Tag)
class TagAdmin(FileMixin, BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "contactless", 30
    form = TagAdminForm
    resource_classes = [TagResource]
    list_display = ["value", "label", "kind", "team", "status", "scope", "expires_at", "user"]
    list_filter = [
        "status",
        "kind",
        "scope",
        "allows_concurrent",
        ("expires_at", RangeDateTimeFilter),
        ("team", AutocompleteSelectFilter),
    ]
    list_select_related = ["team", "user"]
    search_fields = ["value", "label"]
    autocomplete_fields = ["team", "user", "stations", "installations", "groups"]
    readonly_fields = ["created_at"]


@admin.register(RefusedTag)
class RefusedTagAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "do_not_disturb_on", 31
    list_display = ["value", "team", "reason", "state", "station", "times", "last_at"]
    list_filter = ["state", "reason", ("team", AutocompleteSelectFilter)]
    list_select_related = ["team", "station"]
    search_fields = ["value"]
