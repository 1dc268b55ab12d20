"""Columns and views of lists that users saved."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from accounts.people.models import User
from accounts.teams.models import Team


class SavedViewQuerySet(models.QuerySet[Any]):
    right = Can.SEE_STATIONS

    def reachable_by(self, user: Any) -> Self:
        return self.visible_to(user)

    def visible_to(self, user: Any) -> Self:
        """Return the user's own views, and those that their teams share."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(Q(user=user, team=None) | Q(team__in=user.access.team_ids))


class SavedView(models.Model):
    """A named set of filters, order and columns of a list. The row without a name holds the columns a user chose."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views", verbose_name=_("person"))
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, related_name="saved_views", verbose_name=_("team")
    )  # that shares it; None: private
    list_name = models.CharField(_("list"), max_length=40)
    name = models.CharField(_("name"), max_length=80, blank=True)
    query = models.CharField(_("filters"), max_length=2000, blank=True)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["list_name", "name", "pk"]
        constraints = [
            models.UniqueConstraint(
                "user",
                "list_name",
                Upper("name"),
                name="saved_view_name_once_per_person",
                violation_error_message=_("You already have a view with this name."),
            ),
            models.CheckConstraint(
                condition=Q(team=None) | ~Q(name=""),
                name="saved_view_shared_has_name",
                violation_error_message=_("A shared view needs a name."),
            ),
        ]
        verbose_name, verbose_name_plural = _("saved view"), _("saved views")

    def __str__(self) -> str:
        return f"{self.list_name} · {self.name}"
