"""Applications that act for a team, and the secrets with which they authenticate."""

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
from accounts.teams.models import Team, TeamOwnedQuerySet

MAX_REQUESTS = 100_000


class ProgramQuerySet(TeamOwnedQuerySet):
    def with_keys(self) -> Self:
        """Annotate `prefix` and `expires_at` of the newest key, and whether any key is valid (`is_open`)."""
        newest = ProgramKey.objects.filter(program=OuterRef("pk")).order_by("-pk")
        return self.annotate(
            prefix=Subquery(newest.values("prefix")[:1]),
            expires_at=Subquery(newest.values("expires_at")[:1]),
            is_open=Exists(ProgramKey.objects.valid().filter(program=OuterRef("pk"))),
        )


class Program(models.Model):
    """An application that acts for a team, not for a person, so that it keeps working when a person leaves.

    `user` represents it wherever an actor is recorded, for example in the audit log or as the requester of a command.
    Its rights are limited by its scopes (`accounts.access.rights.SCOPE_RIGHTS`).
    """

    class Way(models.TextChoices):
        KEY = "key", _("Key")
        OAUTH = "oauth", _("OAuth 2 client")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="programs", verbose_name=_("team"))
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="program", editable=False
    )
    name = models.CharField(_("name"), max_length=80)
    way = models.CharField(_("authentication"), max_length=5, choices=Way.choices, default=Way.KEY)
    client_id = models.CharField(_("client id"), max_length=40, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    requests_per_minute = models.PositiveIntegerField(
        _("requests per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_REQUESTS)],
        help_text=_("Leave empty for the default limit."),
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
        verbose_name, verbose_name_plural = _("application"), _("applications")

    def __str__(self) -> str:
        return self.name

    @property
    def scope_labels(self) -> list[str]:
        return [str(ApiScope(scope).label) for scope in self.scopes if scope in ApiScope.values]


class ProgramOwnedQuerySet(TeamOwnedQuerySet):
    team_path = "program__team"


class ProgramKeyQuerySet(ProgramOwnedQuerySet):
    def valid(self, at: datetime | None = None) -> Self:
        """Return the keys that are valid at a time, by default now."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at or timezone.now()), revoked_at__isnull=True)


class ProgramKey(models.Model):
    """A secret of an application: an API key, or the secret of an OAuth 2 client. Only its hash is stored.

    Two keys can be valid at the same time while a new one replaces an old one.
    """

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="keys", verbose_name=_("application"))
    prefix = models.CharField(_("prefix"), max_length=8, unique=True)
    hash = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    warned_days = models.PositiveSmallIntegerField(
        null=True, editable=False
    )  # the last expiry warning that was sent, in days before the expiry
    objects = ProgramKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("application key"), _("application keys")

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class AccessToken(models.Model):
    """An access token that an OAuth 2 client got for its secret (RFC 6749 section 4.4). Only its hash is stored."""

    program = models.ForeignKey(
        Program, on_delete=models.CASCADE, related_name="access_tokens", verbose_name=_("application")
    )
    hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    objects: Any = ProgramOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name, verbose_name_plural = _("access token"), _("access tokens")

    def __str__(self) -> str:
        return f"{self.program} · {self.expires_at:%Y-%m-%d %H:%M}"
