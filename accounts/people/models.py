"""Users, their memberships in teams, and their API tokens."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from accounts.access.rights import Role
from accounts.access.services import Access
from accounts.teams.models import Team, TeamOwnedQuerySet
from cpms.common.models import ScopedQuerySet
from cpms.common.web import formatting

if TYPE_CHECKING:
    from accounts.programs.models import Program


class Theme(models.TextChoices):
    """The colour theme of pages. Empty means that each browser remembers its own."""

    SYSTEM = "system", _("Device setting")
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
    """A manager that returns people only, so that searches and sign-ins never find an application."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().filter(is_program=False)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. They sign in with their e-mail address, which is not case-sensitive.

    Applications that act for a team have a row too (`is_program`), so that everything can refer to its actor. Such a
    row has no password, gets no e-mails, appears in no list of users and has no membership; see
    `accounts.models.Program`.
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
        _("support staff"), default=False, help_text=_("Can see every team and use the admin.")
    )
    is_program = models.BooleanField(_("application"), default=False, editable=False)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    teams = models.ManyToManyField(Team, through="Membership", related_name="members")
    program: Program
    objects = PeopleManager()
    everybody = UserManager()  # including applications

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_once_in_any_case",
                violation_error_message=_("There is already an account with this e-mail address."),
            ),
            models.CheckConstraint(
                condition=Q(is_program=False) | Q(is_staff=False, is_superuser=False),
                name="user_program_is_no_staff",
                violation_error_message=_("An application cannot be support staff."),
            ),
        ]
        verbose_name, verbose_name_plural = _("person"), _("people")

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        if self.erased_at is not None:  # records show a pseudonym
            return gettext("Former person %(number)d") % {"number": self.pk}
        return f"{self.first_name} {self.last_name}".strip() or self.email

    @property
    def signature(self) -> str:
        """Return how the audit log and the API name the actor: a person's address or an application's name."""
        return f"{self.first_name} (program)" if self.is_program else self.email

    @cached_property
    def access(self) -> Access:
        """Return what this person may do, cached for the time of a request."""
        return Access(self)

    def renew_access(self) -> Access:
        """Discard the cached roles and grants after they were changed in this request."""
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
    """A record that a person joined a team through its domain. It happens once: a removed member is not re-added."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="enrolments", verbose_name=_("team"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="enrolments", verbose_name=_("person"))
    created_at = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="enrolled_once")]
        verbose_name, verbose_name_plural = _("enrolment"), _("enrolments")

    def __str__(self) -> str:
        return f"{self.user} · {self.team}"


class ApiToken(AbstractAPIKey):
    """A key with which an application acts as a person. It is shown once; only its hash is stored.

    With scopes (values of `ApiScope`) the token has only the rights that they include, without scopes all rights of the
    person.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("person"))
    scopes = models.JSONField(_("scopes"), default=list, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta(AbstractAPIKey.Meta):
        verbose_name, verbose_name_plural = _("API token"), _("API tokens")  # type: ignore[assignment]
