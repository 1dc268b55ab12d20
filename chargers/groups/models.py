"""Groups of stations that a user views together."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.stations.models import ChargingStation


class StationGroupQuerySet(models.QuerySet[Any]):
    right = Can.SEE_STATIONS

    def reachable_by(self, user: Any) -> Self:
        return self.visible_to(user)

    def visible_to(self, user: Any) -> Self:
        """Return the user's own groups, also for support staff."""
        return self.filter(user=user) if user.is_authenticated else self.none()


class StationGroup(models.Model):
    """A user's own selection of stations. While the user has selected it, lists and figures show nothing else."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="station_groups", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=120)
    stations = models.ManyToManyField(ChargingStation, related_name="groups", blank=True, verbose_name=_("stations"))
    objects = StationGroupQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "user",
                Upper("name"),
                name="group_name_once_per_person",
                violation_error_message=_("You already have a group with this name."),
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="group_name_not_empty", violation_error_message=_("A group needs a name.")
            ),
        ]
        verbose_name, verbose_name_plural = _("group"), _("groups")

    def __str__(self) -> str:
        return self.name
