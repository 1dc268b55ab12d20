"""Tags that may charge."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Upper
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can, Role, allows
from accounts.models import Team
from chargers.groups.models import StationGroup
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from cpms.common.models import ScopedQuerySet

EDITING_ROLES = [role for role in Role.values if allows(role, Can.OPERATE)]


def empty_list() -> models.Value:
    """Return the database default of a JSON column with a list that was added later."""
    return models.Value([], output_field=models.JSONField())


class TagQuerySet(ScopedQuerySet):
    def valid(self, at: datetime | None = None) -> Self:
        """Return the tags that are neither blocked, expired nor not valid yet."""
        now = at or timezone.now()
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now),
            Q(valid_from__isnull=True) | Q(valid_from__lte=now),
            status=Tag.Status.ACCEPTED,
        )

    def in_scope_at(self, station: Any) -> Self:
        """Return the tags whose scope includes this station of their team."""
        return self.filter(Q(scope=Tag.Scope.ALL) | selects(station))

    def valid_everywhere_in(self, installation: Installation) -> Self:
        """Return the tags of its team whose scope includes all stations of an installation, also future ones."""
        selected = Tag.installations.through.objects.filter(tag_id=OuterRef("pk"), installation_id=installation.pk)
        return self.filter(Q(scope=Tag.Scope.ALL) | Exists(selected), team=installation.team_id)

    def valid_somewhere_in(self, installation: Installation) -> Self:
        """Return the tags of its team whose scope includes at least one station of an installation, or all of it."""
        stations = Tag.stations.through.objects.filter(chargingstation__installation=installation.pk)
        groups = Tag.groups.through.objects.filter(
            stationgroup__stations__installation=installation.pk, **_by_an_editor("stationgroup__user")
        )
        some = Q(*[Exists(each.filter(tag_id=OuterRef("pk"))) for each in (stations, groups)], _connector="OR")
        return self.filter(
            Q(pk__in=self.valid_everywhere_in(installation).values("pk")) | some, team=installation.team_id
        )


def _by_an_editor(person: str) -> dict[str, Any]:
    """Return the filters that a user may edit the tags of the team, for a subquery of a query of tags."""
    return {f"{person}__memberships__team": OuterRef("team"), f"{person}__memberships__role__in": EDITING_ROLES}


def selects(station: Any) -> Q:
    """Return the condition that the station is among what a tag's scope selects, for a query of tags.

    A group counts only while its user may edit the tags of the team: otherwise any member could widen the scope of a
    tag by adding stations to their own group.
    """
    stations = Tag.stations.through.objects.filter(chargingstation_id=station)
    installations = Tag.installations.through.objects.filter(installation__stations=station)
    groups = Tag.groups.through.objects.filter(stationgroup__stations=station, **_by_an_editor("stationgroup__user"))
    return Q(
        *[Exists(each.filter(tag_id=OuterRef("pk"))) for each in (stations, installations, groups)], _connector="OR"
    )


class Tag(models.Model):
    """An RFID card or a virtual id. Values are compared without regard to case."""

    class Scope(models.TextChoices):
        ALL = "all", _("All stations of the team")
        SELECTED = "selected", _("Selected only")

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
    valid_from = models.DateTimeField(
        _("valid from"), null=True, blank=True, help_text=_("The tag is refused before this time.")
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    time_windows = models.JSONField(
        _("time windows"),
        default=list,
        db_default=empty_list(),
        blank=True,
        help_text=_('Weekly windows, for example [{"days": [1, 2], "from": "07:00", "to": "19:00"}].'),
    )
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
    scope = models.CharField(
        _("valid at"),
        max_length=10,
        choices=Scope.choices,
        default=Scope.ALL,
        db_default=Scope.ALL,
        help_text=_("With “Selected only” and nothing selected, the tag is valid nowhere."),
    )
    stations = models.ManyToManyField(
        ChargingStation, blank=True, related_name="scoped_tags", verbose_name=_("selected stations")
    )
    installations = models.ManyToManyField(
        Installation, blank=True, related_name="scoped_tags", verbose_name=_("selected installations")
    )
    groups = models.ManyToManyField(
        StationGroup, blank=True, related_name="scoped_tags", verbose_name=_("selected groups")
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
            models.CheckConstraint(
                condition=Q(scope__in=["all", "selected"]),
                name="tag_scope_known",
                violation_error_message=_("Choose where the tag is valid."),
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(expires_at=None) | Q(valid_from__lt=F("expires_at")),
                name="tag_valid_before_expiry",
                violation_error_message=_("A tag must be valid before it expires."),
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


class RefusedTagQuerySet(ScopedQuerySet):
    right = Can.SEE_SESSIONS

    def open(self) -> Self:
        return self.filter(state=RefusedTag.State.OPEN)


class RefusedTag(models.Model):
    """A tag that was presented at stations of a team and refused: unknown, or not valid there and then."""

    class State(models.TextChoices):
        OPEN = "open", _("To decide")
        ADOPTED = "adopted", _("Adopted")
        IGNORED = "ignored", _("Ignored")

    class Reason(models.TextChoices):
        UNKNOWN = "unknown", _("Unknown tag")
        BLOCKED = "blocked", _("Blocked")
        EXPIRED = "expired", _("Expired")
        NOT_YET = "not_yet", _("Not valid yet")
        PLACE = "place", _("Not valid at this station")
        HOURS = "hours", _("Outside its time windows")
        ACCESS = "access", _("Its holder has no access here")
        STATION = "station", _("Station deactivated")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="refused_tags", verbose_name=_("team"))
    value = models.CharField(_("value"), max_length=255)  # as the station sent it
    tag = models.ForeignKey(
        Tag, on_delete=models.SET_NULL, null=True, blank=True, related_name="refusals", verbose_name=_("tag")
    )
    station = models.ForeignKey(
        ChargingStation, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("last station")
    )
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    state = models.CharField(_("status"), max_length=10, choices=State.choices, default=State.OPEN)
    first_at = models.DateTimeField(_("first refused"))
    last_at = models.DateTimeField(_("last refused"))
    times = models.PositiveIntegerField(_("times"), default=1)
    objects = RefusedTagQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                "team",
                Upper("value"),
                name="refused_tag_once_per_team_in_any_case",
                violation_error_message=_("This refused tag is already listed."),
            ),
        ]
        indexes = [models.Index(fields=["team", "state", "-last_at"], name="refused_tag_newest")]
        verbose_name, verbose_name_plural = _("refused tag"), _("refused tags")

    def __str__(self) -> str:
        return self.value
