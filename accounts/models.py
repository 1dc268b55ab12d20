"""People, the teams they work in, and the keys their programs use."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey

from accounts.audit_facts import complete, team_of
from accounts.features import BY_KEY, missing_in
from accounts.rights import Can, Chosen, GrantRole, Held, Role, Scope, allows
from cpms.common.mail import OutgoingMail
from cpms.common.models import ScopedQuerySet

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
    features_off = models.JSONField(
        _("functions switched off"), default=list, blank=True, help_text=_("Their keys; see accounts/features.py.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name, verbose_name_plural = _("team"), _("teams")

    def __str__(self) -> str:
        return self.name

    def has_feature(self, key: str) -> bool:
        """D5."""
        return key not in self.features_off


class OfTeamQuerySet(ScopedQuerySet):
    """What is the team's own affair."""

    right = Can.MANAGE_TEAM


class FormerHandle(models.Model):
    """What a team was called before: it still leads to the team, and nobody else gets it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="former_handles", verbose_name=_("team"))
    handle = models.SlugField(_("handle"), max_length=60, unique=True)
    created_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)
    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["handle"]
        verbose_name, verbose_name_plural = _("former handle"), _("former handles")

    def __str__(self) -> str:
        return self.handle


class BillingDetails(models.Model):
    """Who pays what the platform itself costs (P8)."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="billing", verbose_name=_("team"))
    name = models.CharField(_("company or name"), max_length=160, blank=True)
    street = models.CharField(_("street and number"), max_length=200, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=120, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("Two letters, for example DE."))
    vat_id = models.CharField(_("VAT number"), max_length=20, blank=True)
    email = models.EmailField(_("e-mail for invoices"), max_length=254, blank=True)
    objects = OfTeamQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("billing details"), _("billing details")

    def __str__(self) -> str:
        return self.name or str(self.team)


class TeamDomain(models.Model):
    """An internet domain that a team says is its own; it counts when a record in the DNS has proved it (P10, P11)."""

    class Purpose(models.TextChoices):
        ENROLMENT = "enrolment", _("Automatic enrolment")
        PORTAL = "portal", _("Address of the portal")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="domains", verbose_name=_("team"))
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    domain = models.CharField(_("domain"), max_length=253)
    token = models.CharField(_("proof"), max_length=64, editable=False)
    proved_at = models.DateTimeField(_("proved"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(fields=["team", "purpose", "domain"], name="domain_once_per_team"),
            models.UniqueConstraint(
                fields=["purpose", "domain"], condition=Q(proved_at__isnull=False), name="domain_proved_by_one_team"
            ),
            models.CheckConstraint(condition=Q(domain=Lower("domain")), name="domain_in_lower_case"),
        ]
        verbose_name, verbose_name_plural = _("domain"), _("domains")

    def __str__(self) -> str:
        return self.domain

    @property
    def record_name(self) -> str:
        return f"_cpms-challenge.{self.domain}"

    @property
    def record_value(self) -> str:
        return f"cpms-verify={self.token}"


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
    email_verified_at = models.DateTimeField(_("e-mail verified"), null=True, blank=True, editable=False)
    first_name = models.CharField(_("first name"), max_length=80, blank=True)
    last_name = models.CharField(_("last name"), max_length=80, blank=True)
    phone = models.CharField(_("mobile no."), max_length=32, blank=True)
    employee_number = models.CharField(_("employee number"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(
        _("support staff"), default=False, help_text=_("Sees every team; may use the admin.")
    )
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    teams = models.ManyToManyField(Team, through="Membership", related_name="members")
    objects = UserManager()
    chosen_group: Chosen | None = None  # set for the time of a request; programs with a token have none

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        ordering = ["email"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once_in_any_case")]
        verbose_name, verbose_name_plural = _("person"), _("people")

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        if self.erased_at is not None:  # B24: the books keep a pseudonym
            return _now("Former person %(number)d") % {"number": self.pk}
        return f"{self.first_name} {self.last_name}".strip() or self.email

    @cached_property
    def _teams_of(self) -> list[tuple[int, str, list[str]]]:
        """Teams by key, each with the role in it and what it goes without; one query per request."""
        return list(self.memberships.values_list("team_id", "role", "team__features_off"))

    @cached_property
    def roles(self) -> dict[int, str]:
        """Role by team id."""
        return {team_id: role for team_id, role, _off in self._teams_of}

    @property
    def team_ids(self) -> list[int]:
        return list(self.roles)

    @cached_property
    def own_teams(self) -> list[Team]:
        """The teams this person is in, by name; one query per request."""
        return list(self.teams.order_by("name", "pk"))

    @cached_property
    def features_off(self) -> dict[str, str]:
        """What this person cannot use since all his teams go without it (D5), with the sentence that says so."""
        return {} if self.is_staff else missing_in([off for _team, _role, off in self._teams_of])

    @property
    def api_off(self) -> list[tuple[tuple[str, ...], str]]:
        """Beginnings of names of the API's routes that refuse, each with the reason."""
        return [(BY_KEY[key].api, sentence) for key, sentence in self.features_off.items()]

    @cached_property
    def grants_held(self) -> list[Held]:
        """What this person was granted and counts now, himself or through his teams; one query per request."""
        rows = Grant.objects.active().filter(Q(user=self) | Q(to_team__in=self.team_ids))
        return [
            Held(role, installation_id, station_id, None if to_team is None else self.roles[to_team], ends_at)
            for role, installation_id, station_id, to_team, ends_at in rows.values_list(
                "role", "installation_id", "station_id", "to_team_id", "ends_at"
            )
        ]

    @cached_property
    def foreign_tag_ids(self) -> list[int]:
        """This person's own tags of teams whose sessions he may not see."""
        seen = self.scope(Can.SEE_SESSIONS).teams
        return list(self.tags.exclude(team__in=seen).order_by().values_list("pk", flat=True))

    def scope(self, right: str) -> Scope:
        """All with which this person may do one thing: the one place where that is decided."""
        if not self.is_active:
            return Scope()
        if self.is_staff:
            return Scope(is_everything=True)
        grants = [held for held in self.grants_held if held.allows(right)]
        return Scope(
            teams=tuple(team_id for team_id, role in self.roles.items() if allows(role, right)),
            installations=tuple({held.installation_id for held in grants if held.installation_id is not None}),
            stations=tuple({held.station_id for held in grants if held.station_id is not None}),
        )

    def in_group(self, station_path: str) -> Q:
        """The rows of a query that belong to the group this person has chosen; all of them when he has chosen none."""
        return self.chosen_group.condition(station_path) if self.chosen_group is not None else Q()

    def shown(self, right: str, team_path: str, station_path: str) -> Q:
        """The rows of a query with which this person may do one thing and that are of the group he has chosen."""
        scope = self.scope(right)
        found = Q() if scope.is_everything else scope.condition(team_path, station_path)
        return found & self.in_group(station_path)

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


class GrantQuerySet(ScopedQuerySet):
    def allowed(self, user: Any, right: str) -> Self:
        """Grants on what this person may do something with."""
        if not user.is_authenticated:
            return self.none()
        scope = user.scope(right)
        return self if scope.is_everything else self.filter(self._on(scope))

    def reachable_by(self, user: Any) -> Self:
        """Grants on what this person may manage the access of, and what he or his teams were given."""
        if not user.is_authenticated:
            return self.none()
        scope = user.scope(Can.MANAGE_ACCESS)
        return self if scope.is_everything else self.filter(self._on(scope) | self._to(user))

    def held_by(self, user: User) -> Self:
        return self.filter(self._to(user))

    @staticmethod
    def _on(scope: Scope) -> Q:
        return (
            Q(team__in=scope.teams)
            | Q(installation__in=scope.installations)
            | Q(station__in=scope.stations)
            | Q(station__installation__in=scope.installations)
        )

    @staticmethod
    def _to(user: User) -> Q:
        return Q(user=user) | Q(to_team__in=user.team_ids)

    def active(self) -> Self:
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now()), withdrawn_at__isnull=True)


class Grant(models.Model):
    """An installation or a station that a team shares with another team or with a person, perhaps until a date (B21).

    A grant that was withdrawn or has ended stays as a record of who had access when.
    """

    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, related_name="grants_given", verbose_name=_("team")
    )  # whose installation or station it is
    installation = models.ForeignKey(
        "chargers.Installation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("installation"),
    )
    station = models.ForeignKey(
        "chargers.ChargingStation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("station"),
    )
    role = models.CharField(_("role"), max_length=10, choices=GrantRole.choices)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="grants", verbose_name=_("person")
    )
    to_team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, related_name="grants_held", verbose_name=_("to team")
    )
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    created_at = models.DateTimeField(_("given"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("given by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True, editable=False)
    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(installation__isnull=True) ^ Q(station__isnull=True), name="grant_on_one_thing"
            ),
            models.CheckConstraint(condition=Q(user__isnull=True) ^ Q(to_team__isnull=True), name="grant_to_one"),
            models.CheckConstraint(condition=Q(role__in=GrantRole.values), name="grant_role_known"),
            models.UniqueConstraint(
                *(Coalesce(name, 0) for name in ("installation", "station", "user", "to_team")),
                "role",
                condition=Q(withdrawn_at__isnull=True),
                name="grant_given_once",
            ),
        ]
        verbose_name, verbose_name_plural = _("grant"), _("grants")

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {self.installation or self.station} · {self.user or self.to_team}"

    @property
    def is_active(self) -> bool:
        return self.withdrawn_at is None and not self.has_ended

    @property
    def has_ended(self) -> bool:
        return self.ends_at is not None and self.ends_at <= timezone.now()

    @property
    def place(self) -> Any:
        """The installation or the station."""
        return self.installation or self.station

    @property
    def holder(self) -> User | Team:
        return self.user or self.to_team  # type: ignore[return-value]


class InvitationQuerySet(ScopedQuerySet):
    right = Can.MANAGE_TEAM

    def open(self) -> Self:
        """Neither accepted nor revoked; they may have expired."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)


class Invitation(models.Model):
    """A team asks somebody to join it by mail: the only way to become a person here (Z3).

    Of the link's token only a hash is kept; it is made anew from `nonce` and our secret key when the mail is sent.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("team"))
    email = models.EmailField(_("e-mail"), max_length=254)
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    language = models.CharField(_("language"), max_length=10, blank=True)
    invited_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("invited by")
    )
    created_at = models.DateTimeField(_("invited"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    nonce = models.CharField(max_length=43, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "team",
                Lower("email"),
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_open_once",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
        ]
        verbose_name, verbose_name_plural = _("invitation"), _("invitations")

    def __str__(self) -> str:
        return f"{self.email} · {self.team}"

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class AccountMail(OutgoingMail):
    """A mail about somebody's account. Its text, with the link in it, is made when it is sent: no secret lies here.

    A mail that was asked for on a page is written whether or not there is such a person, so that neither the answer
    nor its time tells.
    """

    class Kind(models.TextChoices):
        RESET = "reset", _("New password")
        VERIFY = "verify", _("E-mail address to be verified")
        CHANGED = "changed", _("E-mail address was changed")
        INVITE = "invite", _("Invitation")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    email = models.CharField(_("e-mail"), max_length=254)
    language = models.CharField(_("language"), max_length=10, blank=True)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    invitation = models.ForeignKey(
        Invitation, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("invitation")
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="account_mail_to_send"),
        ]
        verbose_name, verbose_name_plural = _("account mail"), _("account mails")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.email}"


class AuditQuerySet(OfTeamQuerySet):
    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Entries of the audit trail are never deleted.")

    def update(self, **facts: Any) -> int:
        raise TypeError("Entries of the audit trail are never changed.")


class AuditManager(LogEntryManager.from_queryset(AuditQuerySet)):  # type: ignore[misc]
    """What django-auditlog finds changed is completed: by whom, from where, and whose it is."""

    def create(self, **facts: Any) -> Any:
        return super().create(**complete(facts))

    def log_create(self, instance: Any, force_log: bool = False, **facts: Any) -> Any:
        return super().log_create(instance, force_log, **facts | {"team_id": team_of(instance)})

    def log_m2m_changes(
        self, changed_queryset: Any, instance: Any, operation: str, field_name: str, **facts: Any
    ) -> Any:
        facts["team_id"] = team_of(instance)
        return super().log_m2m_changes(changed_queryset, instance, operation, field_name, **facts)


class AuditEntry(AbstractLogEntry):
    """Who did what, when, from where, on which object (B21, S44)."""

    team = models.ForeignKey(
        Team, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+", verbose_name=_("team")
    )
    objects = AuditManager()

    class Meta(AbstractLogEntry.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["team", "-id"], name="audit_team_newest")]
        verbose_name, verbose_name_plural = _("entry of the audit trail"), _("audit trail")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Entries of the audit trail are never deleted.")


class ApiToken(AbstractAPIKey):
    """A key with which a program acts as a person. Only its hash is kept; it is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("person"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta(AbstractAPIKey.Meta):
        verbose_name, verbose_name_plural = _("API token"), _("API tokens")  # type: ignore[assignment]
