"""People, the teams they work in, and the keys their programs use."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from cpms.common.models import ScopedQuerySet


class Role(models.TextChoices):
    """What a teammate may do; each includes the ones below it."""

    ADMIN = "admin", _("Administrator")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")


RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


class StationPasswords(models.TextChoices):
    """What is kept of the passwords with which a team's stations log in (P5)."""

    REVEALABLE = "revealable", _("Encrypted: they can be revealed again")
    SHOW_ONCE = "show_once", _("Only a hash: each is shown once, when it is made")


class TeamQuerySet(ScopedQuerySet):
    team_path = "pk"


class Team(models.Model):
    """The tenant: an operator of charging stations (CPO in OCPI)."""

    handle = models.SlugField(_("handle"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    station_passwords = models.CharField(
        _("passwords of stations"),
        max_length=10,
        choices=StationPasswords.choices,
        default=StationPasswords.REVEALABLE,
        help_text=_("Passwords that are kept encrypted become hashes within minutes; hashes stay what they are."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name, verbose_name_plural = _("team"), _("teams")

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the name to log in with, whatever its case."""

    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    first_name = models.CharField(_("first name"), max_length=80, blank=True)
    last_name = models.CharField(_("last name"), max_length=80, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(
        _("support staff"), default=False, help_text=_("Sees every team; may use the admin.")
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    teams = models.ManyToManyField(Team, through="Membership", related_name="members")
    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        ordering = ["email"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once_in_any_case")]
        verbose_name, verbose_name_plural = _("person"), _("people")

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email

    @cached_property
    def roles(self) -> dict[int, str]:
        """Role by team id; one query per request."""
        return dict(self.memberships.values_list("team_id", "role"))

    @property
    def team_ids(self) -> list[int]:
        return list(self.roles)

    def has_role(self, team_id: int | None, role: Role) -> bool:
        """Whether this person may act as `role` in the team: the one place where that is decided."""
        if not self.is_active:
            return False
        if self.is_staff:
            return True
        held = self.roles.get(team_id) if team_id is not None else None
        return held is not None and RANK[Role(held)] >= RANK[role]


class MembershipQuerySet(ScopedQuerySet):
    team_path = "team"


class Membership(models.Model):
    """A person's role in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("team"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="member_once_per_team"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]
        verbose_name, verbose_name_plural = _("membership"), _("memberships")

    def __str__(self) -> str:
        return f"{self.user} · {self.team}"


class ApiToken(AbstractAPIKey):
    """A key with which a program acts as a person. Only its hash is kept; it is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("person"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta(AbstractAPIKey.Meta):
        verbose_name, verbose_name_plural = _("API token"), _("API tokens")  # type: ignore[assignment]
