"""People, their place in teams, and the keys their programs use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from accounts.access.rights import Role
from accounts.access.services import Access
from accounts.teams.models import OfTeamQuerySet, Team
from cpms.common.models import ScopedQuerySet
from cpms.common.web import formatting

if TYPE_CHECKING:
    from accounts.programs.models import Program


class Theme(models.TextChoices):
    """How pages look; empty: as this browser was told last."""

    SYSTEM = "system", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


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


class PeopleManager(UserManager):
    """People only: whoever looks for somebody, or logs somebody in, never finds a program."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().filter(is_program=False)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the name to log in with, whatever its case.

    Programs that act for a team have a row too (`is_program`), so that everything knows who acts. It has no password
    and no mails, is in no list of people and has no membership: see `accounts.models.Program`.
    """

    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    email_verified_at = models.DateTimeField(_("e-mail verified"), null=True, blank=True, editable=False)
    first_name = models.CharField(_("first name"), max_length=80, blank=True)
    last_name = models.CharField(_("last name"), max_length=80, blank=True)
    phone = models.CharField(_("mobile no."), max_length=32, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("appearance"), max_length=6, choices=Theme.choices, blank=True)
    date_format = models.CharField(_("dates"), max_length=10, choices=formatting.DATES, blank=True)
    number_format = models.CharField(_("numbers"), max_length=10, choices=formatting.NUMBERS, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(
        _("support staff"), default=False, help_text=_("Sees every team; may use the admin.")
    )
    is_program = models.BooleanField(_("program"), default=False, editable=False)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    teams = models.ManyToManyField(Team, through="Membership", related_name="members")
    program: Program
    objects = PeopleManager()
    everybody = UserManager()  # programs too

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_once_in_any_case",
                violation_error_message=_("Somebody has an account with this e-mail address already."),
            ),
            models.CheckConstraint(
                condition=Q(is_program=False) | Q(is_staff=False, is_superuser=False),
                name="user_program_is_no_staff",
                violation_error_message=_("A program cannot be support staff."),
            ),
        ]
        verbose_name, verbose_name_plural = _("person"), _("people")

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        if self.erased_at is not None:  # records keep a pseudonym
            return _now("Former person %(number)d") % {"number": self.pk}
        return f"{self.first_name} {self.last_name}".strip() or self.email

    @property
    def signature(self) -> str:
        """How the audit trail and the API name who did something: the address, a program's name."""
        return f"{self.first_name} (program)" if self.is_program else self.email

    @cached_property
    def access(self) -> Access:
        """Return what this person may do, for the time of a request."""
        return Access(self)

    def renew_access(self) -> Access:
        """Read roles and grants anew at the next question, after they were changed in this request."""
        self.access = Access(self)
        return self.access


class MembershipQuerySet(ScopedQuerySet):
    team_path = "team"


class Membership(models.Model):
    """A person's role in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("team"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    employee_number = models.CharField(_("employee number"), max_length=40, blank=True, default="", db_default="")
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="member_once_per_team"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]
        verbose_name, verbose_name_plural = _("membership"), _("memberships")

    def __str__(self) -> str:
        return f"{self.user} · {self.team}"


class Enrolment(models.Model):
    """Who joined a team by himself. It happens once: who was taken out of the team stays out."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="enrolments", verbose_name=_("team"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="enrolments", verbose_name=_("person"))
    created_at = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    objects = OfTeamQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="enrolled_once")]
        verbose_name, verbose_name_plural = _("enrolment"), _("enrolments")

    def __str__(self) -> str:
        return f"{self.user} · {self.team}"


class ApiToken(AbstractAPIKey):
    """A key with which a program acts as a person. Only its hash is kept; it is shown once.

    With scopes (words of `accounts.rights.ApiScope`) it may do no more than they include; without, all that the person
    may.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("person"))
    scopes = models.JSONField(_("scopes"), default=list, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta(AbstractAPIKey.Meta):
        verbose_name, verbose_name_plural = _("API token"), _("API tokens")  # type: ignore[assignment]
