"""Programs that act for a team, and the secrets with which they log in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import ApiScope
from accounts.teams.models import OfTeamQuerySet, Team

MAX_REQUESTS = 100_000


class ProgramQuerySet(OfTeamQuerySet):
    def with_keys(self) -> Self:
        """Each with its newest key's `prefix` and `expires_at`, and whether any of its keys counts (`is_open`)."""
        newest = ProgramKey.objects.filter(program=OuterRef("pk")).order_by("-pk")
        return self.annotate(
            prefix=Subquery(newest.values("prefix")[:1]),
            expires_at=Subquery(newest.values("expires_at")[:1]),
            is_open=Exists(ProgramKey.objects.valid().filter(program=OuterRef("pk"))),
        )


class Program(models.Model):
    """A program that acts for a team, not for a person: it goes on when a person leaves.

    `user` stands for it wherever somebody acts: in the audit trail, as who asked for a command. What it may do is
    narrowed by its scopes (`accounts.rights.SCOPE_RIGHTS`).
    """

    class Way(models.TextChoices):
        KEY = "key", _("Key")
        OAUTH = "oauth", _("OAuth 2 client")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="programs", verbose_name=_("team"))
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="program", editable=False
    )
    name = models.CharField(_("name"), max_length=80)
    way = models.CharField(_("way to log in"), max_length=5, choices=Way.choices, default=Way.KEY)
    client_id = models.CharField(_("client id"), max_length=40, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    requests_per_minute = models.PositiveIntegerField(
        _("requests per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_REQUESTS)],
        help_text=_("Empty: what the installation allows every program."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="created_programs",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    objects = ProgramQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(way__in=["key", "oauth"]), name="program_way_known")]
        verbose_name, verbose_name_plural = _("program"), _("programs")

    def __str__(self) -> str:
        return self.name

    @property
    def scope_labels(self) -> list[str]:
        return [str(ApiScope(scope).label) for scope in self.scopes if scope in ApiScope.values]


class OfProgramQuerySet(OfTeamQuerySet):
    team_path = "program__team"


class ProgramKeyQuerySet(OfProgramQuerySet):
    def valid(self, at: datetime | None = None) -> Self:
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at or timezone.now()), revoked_at__isnull=True)


class ProgramKey(models.Model):
    """A secret of a program; of an OAuth 2 client it is the client's secret. Only its hash is kept; it is shown once.

    Two count at the same time while a new one takes the place of an old one.
    """

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="keys", verbose_name=_("program"))
    prefix = models.CharField(_("prefix"), max_length=8, unique=True)
    hash = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    warned_days = models.PositiveSmallIntegerField(null=True, editable=False)  # of which end its people were told
    objects = ProgramKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("key of a program"), _("keys of programs")

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class AccessToken(models.Model):
    """What an OAuth 2 client got for its secret (RFC 6749 section 4.4): counts for an hour; only its hash is kept."""

    program = models.ForeignKey(
        Program, on_delete=models.CASCADE, related_name="access_tokens", verbose_name=_("program")
    )
    hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    objects: Any = OfProgramQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("access token"), _("access tokens")

    def __str__(self) -> str:
        return f"{self.program} · {self.expires_at:%Y-%m-%d %H:%M}"
