"""Import and export of rows in Django admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from import_export.admin import ImportExportModelAdmin
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from cpms.common.web.admin import UploadStorage
from cpms.common.web.downloads import Download, record_download
from cpms.common.web.file_formats import SafeCSV, SafeXLSX

if TYPE_CHECKING:
    from accounts.models import User


class FileMixin(ImportExportModelAdmin):
    """Import and export in Unfold's style, as CSV and XLSX."""

    import_form_class = ImportForm
    export_form_class = ExportForm
    formats = [SafeCSV, SafeXLSX]
    tmp_storage_class = UploadStorage
    show_change_form_export = False

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Export the rows. An invalid filter leads back to the list with its error message."""
        try:
            return super().export_action(request)
        except IncorrectLookupParameters:
            address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            return redirect(f"{address}?{ERROR_FLAG}=1")

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any) -> Any:
        """Record the same audit entry as for an export from the portal."""
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        teams = list(queryset.order_by().values_list("team_id", flat=True).distinct()[:2])
        record_download(
            Download(
                cast("User", request.user),
                self.model,
                name=str(self.opts.model_name),
                right=queryset.right,
                form=file_format.get_extension(),
                filters={},
                teams=teams if len(teams) == 1 else [None],
            )
        )
        return data
