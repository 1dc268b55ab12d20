"""People, their place in teams, and the keys their programs use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Exists, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from accounts.access.features import BY_KEY, missing_in
from accounts.access.models import Grant
from accounts.access.rights import Can, Chosen, Held, Provider, Role, Scope, allows, rights_in, scope_for
from accounts.teams.models import OfTeamQuerySet, Team
from cpms.common.models import ScopedQuerySet
from cpms.common.web import formatting as look

if TYPE_CHECKING:
    from accounts.programs.models import Program

RIGHT_OF_ROLE = {Role.VIEWER: Can.SEE_STATIONS, Role.OPERATOR: Can.OPERATE, Role.ADMIN: Can.MANAGE_TEAM}
RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


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
    date_format = models.CharField(_("dates"), max_length=10, choices=look.DATES, blank=True)
    number_format = models.CharField(_("numbers"), max_length=10, choices=look.NUMBERS, blank=True)
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
    chosen_group: Chosen | None = None  # both set for the time of a request; programs with a token have none
    chosen_provider: Provider | None = None
    hides_deactivated = False  # pages do, unless he asked to see deactivated stations
    token_scopes: Sequence[str] | None = None  # those that the token in use is limited to, for the time of a request
    only_team: int | None = None  # to which a session is limited that was begun on this team's own domain
    refused_right = ""  # what was asked for last and no scope includes
    key_in_use: tuple[str, str] = ("", "")  # kind and prefix of the API key of this request; see Command.RequestedWith

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
    def _all_teams_of(self) -> list[tuple[int, str, list[str], bool]]:
        """Teams by key, each with the role in it, what it goes without, and whether it demands a second factor; one
        query per request."""
        if self.is_program:
            return [(self.program.team_id, Role.ADMIN, self.program.team.features_off, False)]
        facts = ("team_id", "role", "team__features_off", "team__requires_two_factor")
        return list(self.memberships.values_list(*facts))

    @property
    def _teams_of(self) -> list[tuple[int, str, list[str], bool]]:
        """Those of them that the session is not kept from."""
        return [team for team in self._all_teams_of if self.only_team in (None, team[0])]

    @property
    def sees_all_teams(self) -> bool:
        """Support staff, unless the session is limited to a team."""
        return self.is_staff and self.only_team is None

    @cached_property
    def roles(self) -> dict[int, str]:
        """Role by team id."""
        return {team_id: role for team_id, role, _off, _is_strict in self._teams_of}

    @property
    def team_ids(self) -> list[int]:
        return list(self.roles)

    @cached_property
    def own_teams(self) -> list[Team]:
        """The teams this person is in, by name; one query per request."""
        if self.is_program:
            return [self.program.team]
        teams = self.teams.order_by("name", "pk")
        return list(teams if self.only_team is None else teams.filter(pk=self.only_team))

    @cached_property
    def features_off(self) -> dict[str, str]:
        """Features that are switched off in all of this user's teams, each with the sentence that explains it."""
        return {} if self.is_staff else missing_in([off for _team, _role, off, _is_strict in self._teams_of])

    @property
    def is_staff_with_factor(self) -> bool:
        """Support staff, of whom this site demands a second factor."""
        return self.is_staff and settings.STAFF_REQUIRES_TWO_FACTOR

    @property
    def must_have_second_factor(self) -> bool:
        """A team of this person demands one, or the site does, of its support staff."""
        return self.is_staff_with_factor or any(is_strict for _team, _role, _off, is_strict in self._all_teams_of)

    @property
    def api_off(self) -> list[tuple[tuple[str, ...], str]]:
        """Beginnings of names of the API's routes that refuse, each with the reason."""
        return [(BY_KEY[key].api, sentence) for key, sentence in self.features_off.items()]

    @cached_property
    def grants_held(self) -> list[Held]:
        """What this person was granted and counts now, himself or through his teams; one query per request."""
        rows = Grant.objects.active().held_by(self)
        return [
            Held(role, installation_id, station_id, None if to_team is None else self.roles[to_team], ends_at)
            for role, installation_id, station_id, to_team, ends_at in rows.values_list(
                "role", "installation_id", "station_id", "to_team_id", "ends_at"
            )
        ]

    @cached_property
    def foreign_tag_ids(self) -> list[int]:
        """This person's own tags that charge where they may not see the sessions: of no team, of teams whose sessions
        they may not see, and any of them once they were given access to somebody else's stations."""
        if self.lacks_scope(Can.SEE_OWN):
            return []
        seen = self.scope(Can.SEE_SESSIONS).teams
        was_given_access = Exists(Grant.objects.held_by(self))
        tags = self.tags.filter(Q(team=None) | ~Q(team__in=seen) | was_given_access)
        if self.only_team is not None:
            tags = tags.filter(team=self.only_team)
        return list(tags.order_by().values_list("pk", flat=True))

    @property
    def requests_per_minute(self) -> int | None:
        """How many requests to the API are for a program; None for people, for whom one setting counts."""
        return (self.program.requests_per_minute or settings.API_PROGRAM_RATE) if self.is_program else None

    @cached_property
    def scoped_rights(self) -> frozenset[str] | None:
        """The rights that the key in use is limited to; None: it is not limited."""
        told = None if self.token_scopes is None else rights_in(self.token_scopes)
        if not self.is_program:
            return told
        held = rights_in(self.program.scopes)
        return held if told is None else held & told

    def lacks_scope(self, right: str) -> bool:
        """Whether the key in use is limited to scopes without this right."""
        return self.scoped_rights is not None and right not in self.scoped_rights

    def why_not(self, right: str) -> str:
        """The sentence for a key that has no scope with this right; empty when that is not the reason."""
        if not right or not self.lacks_scope(right):
            return ""
        scope = scope_for(right)
        if not scope:
            return _now("No key of a team includes this; a person must do it.")
        return _now("This needs the scope “%(scope)s”, which the key does not have.") % {"scope": scope}

    def scope(self, right: str) -> Scope:
        """All with which this person may do one thing: the one place where that is decided."""
        if not self.is_active:
            return Scope()
        if self.lacks_scope(right):
            self.refused_right = str(right)
            return Scope()
        if self.sees_all_teams:
            return Scope(is_everything=True)
        grants = [held for held in self.grants_held if held.allows(right)]
        return Scope(
            teams=tuple(team_id for team_id, role in self.roles.items() if allows(role, right)),
            installations=tuple({held.installation_id for held in grants if held.installation_id is not None}),
            stations=tuple({held.station_id for held in grants if held.station_id is not None}),
        )

    def in_view(self, team_path: str, station_path: str | None) -> Q:
        """The rows of a query that belong to the provider and to the group of stations this person has chosen; all of
        them when he has chosen none. Rows without station belong to no group, and stay.

        Args:
            team_path, station_path: as in `Scope.condition`.
        """
        found = Q() if self.chosen_provider is None else Q(**{team_path: self.chosen_provider.pk})
        if self.chosen_group is None or station_path is None:
            return found
        return found & self.chosen_group.condition(station_path)

    def shown(self, right: str, team_path: str, station_path: str) -> Q:
        """The rows of a query with which this person may do one thing and that are of what he has chosen to look at."""
        scope = self.scope(right)
        found = Q() if scope.is_everything else scope.condition(team_path, station_path)
        return found & self.in_view(team_path, station_path)

    def may(self, right: str, place: Any) -> bool:
        """Whether this person may do one thing with a station, an installation, or all that is a team's."""
        kind = place._meta.model_name
        return self.scope(right).includes(
            team_id=place.pk if kind == "team" else place.team_id,
            installation_id=place.pk if kind == "installation" else getattr(place, "installation_id", None),
            station_id=place.pk if kind == "chargingstation" else None,
        )

    def has_role(self, team_id: int | None, role: Role) -> bool:
        """Whether this person may act as `role` in the team, in what is the team's own affair."""
        if not self.is_active:
            return False
        if self.lacks_scope(RIGHT_OF_ROLE[role]):
            return False
        if self.sees_all_teams:
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
