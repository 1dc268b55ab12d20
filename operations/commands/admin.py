"""Commands in Django admin."""

from __future__ import annotations

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.web.admin import CHARGING, ReportAdmin, StationSearchMixin
from operations.commands.models import Command
from operations.commands.services.sealing import redact


@admin.register(Command)
class CommandAdmin(StationSearchMixin, ReportAdmin):
    menu_group, menu_icon, menu_place = CHARGING, "send", 40
    list_display = ["id", "station", "kind", "state", "requested_by", "requested_at", "settled_at", "error_code"]
    list_filter = ["state", "kind", ("requested_at", RangeDateTimeFilter)]
    list_select_related = ["station", "requested_by"]
    exclude = ["parameters"]
    readonly_fields = ["shown_parameters"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Command]:
        return super().get_queryset(request).defer("station__password")

    @admin.display(description=_("parameters"))
    def shown_parameters(self, command: Command) -> str:
        return json.dumps(redact(command.kind, command.parameters), ensure_ascii=False)
