"""Tags that may charge."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from chargers.stations.models import ChargingStation
from cpms.common.models import ScopedQuerySet


class TagQuerySet(ScopedQuerySet):
    def valid(self, at: datetime | None = None) -> Self:
        now = at or timezone.now()
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), status=Tag.Status.ACCEPTED)


class Tag(models.Model):
    """An RFID card or a virtual id. Values are compared without regard to case."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        BLOCKED = "blocked", _("Blocked")

    class Kind(models.TextChoices):
        """Documentation for users; it has no effect on charging."""

        OTHER = "other", _("Other")
        PRIVATE = "private", _("Private")
        COMPANY = "company", _("Company")

    team = models.ForeignKey(
        Team,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="tags",
        verbose_name=_("team"),
        help_text=_("Leave empty for a personal tag, which is valid wherever its holder has access."),
    )
    value = models.CharField(_("value"), max_length=36)
    label = models.CharField(_("label"), max_length=120, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ACCEPTED)
    kind = models.CharField(_("type"), max_length=10, choices=Kind.choices, default=Kind.OTHER)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    parent = models.CharField(
        _("parent id"), max_length=20, blank=True, help_text=_("Tags with the same parent act as one.")
    )
    allows_concurrent = models.BooleanField(
        _("several sessions at once"), default=False, help_text=_("Can charge at several connectors at the same time.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="tags",
        verbose_name=_("person"),
    )
    stations = models.ManyToManyField(
        ChargingStation,
        blank=True,
        related_name="scoped_tags",
        verbose_name=_("valid at"),
        help_text=_("Leave empty for all stations of the team."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["value"]
        constraints = [
            models.UniqueConstraint(
                "team",
                Upper("value"),
                name="tag_value_once_per_team_in_any_case",
                violation_error_message=_("The team already has this tag."),
            ),
            models.UniqueConstraint(
                Upper("value"),
                condition=Q(team__isnull=True),
                name="tag_value_once_without_team_in_any_case",
                violation_error_message=_("This tag already exists."),
            ),
            models.CheckConstraint(
                condition=~Q(value=""), name="tag_value_not_empty", violation_error_message=_("A tag needs a value.")
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["other", "private", "company"]),
                name="tag_kind_known",
                violation_error_message=_("Choose a type."),
            ),
        ]
        indexes = [
            models.Index(Upper("value"), name="tag_value_upper"),
            models.Index(fields=["value"], name="tag_value"),
        ]
        verbose_name, verbose_name_plural = _("tag"), _("tags")

    def __str__(self) -> str:
        return self.label or self.value

    def get_absolute_url(self) -> str:
        return reverse("chargers:tag_detail", args=[self.pk])
