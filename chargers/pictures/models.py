"""Pictures of stations, for people who look for one or service it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chargers.stations.models import ChargingStation
from cpms.common.models import ScopedQuerySet

MAX_PICTURES = 2


class StationPictureQuerySet(ScopedQuerySet):
    team_path, station_path = "station__team", "station"


class StationPicture(models.Model):
    """A picture of a station, drawn again from its pixels as JPEG. It is in the database, for every web process."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="pictures", verbose_name=_("station")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    width = models.PositiveSmallIntegerField(_("width"), help_text=_("Pixels."))
    height = models.PositiveSmallIntegerField(_("height"), help_text=_("Pixels."))
    content = models.BinaryField(editable=False)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("added by"),
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    objects = StationPictureQuerySet.as_manager()

    class Meta:
        ordering = ["station", "position"]
        constraints = [
            models.UniqueConstraint(fields=["station", "position"], name="station_picture_once_per_position"),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=MAX_PICTURES),
                name="station_picture_at_most_two",
                violation_error_message=_("A station has at most two pictures."),
            ),
        ]
        verbose_name, verbose_name_plural = _("picture of a station"), _("pictures of stations")

    def __str__(self) -> str:
        return f"{self.station} · {self.position}"
