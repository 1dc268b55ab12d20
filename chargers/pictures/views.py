"""The page of a station's pictures, and the pictures themselves."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from chargers.pictures.forms import PictureForm
from chargers.pictures.models import MAX_PICTURES, StationPicture
from chargers.pictures.services import add_picture, may_edit_pictures, remove_picture
from chargers.stations.models import ChargingStation
from cpms.common.web.pages import AuthenticatedRequest, FormPage


class StationPicturesView(FormPage):
    """Shows the pictures of a station, and adds one."""

    template_name = "chargers/pictures/station_pictures.html"
    form_class = PictureForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            rows = ChargingStation.objects.reachable_by(request.user).select_related("team")
            self.station: ChargingStation = get_object_or_404(rows.defer("password", "next_password"), pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        pictures = list(self.station.pictures.defer("content").select_related("added_by"))
        may_edit = may_edit_pictures(user, self.station)
        return super().get_context_data(
            station=self.station,
            pictures=pictures,
            may_edit=may_edit,
            may_add=may_edit and len(pictures) < MAX_PICTURES,
            **kwargs,
        )

    def perform(self, form: PictureForm) -> HttpResponse:  # type: ignore[override]
        actor: Any = self.request.user
        add_picture(station=self.station, upload=form.cleaned_data["picture"].read(), actor=actor)
        messages.success(self.request, _("Picture added."))
        return redirect("chargers:station_pictures", self.station.pk)


@login_required
@require_safe
def station_picture(request: AuthenticatedRequest, pk: int, picture: int) -> HttpResponse:
    """Return a picture of a station that the user may see."""
    row = get_object_or_404(StationPicture.objects.reachable_by(request.user), station=pk, pk=picture)
    return HttpResponse(bytes(row.content), content_type="image/jpeg")


@login_required
@require_http_methods(["GET", "POST"])
def station_picture_remove(request: AuthenticatedRequest, pk: int, picture: int) -> HttpResponse:
    """Remove a picture after a confirmation."""
    rows = StationPicture.objects.reachable_by(request.user).defer("content").select_related("station__team")
    row = get_object_or_404(rows, station=pk, pk=picture)
    if not may_edit_pictures(request.user, row.station):
        raise PermissionDenied(_("Only operators and administrators of the team can edit its stations."))
    if request.method == "GET":
        return render(request, "chargers/pictures/picture_remove.html", {"picture": row, "station": row.station})
    remove_picture(picture=row, actor=request.user)
    messages.success(request, _("Picture removed."))
    return redirect("chargers:station_pictures", pk)
