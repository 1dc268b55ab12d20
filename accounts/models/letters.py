"""Invitations, and mails about somebody's account."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.grants import Grant
from accounts.models.people import User
from accounts.models.programs import ProgramKey
from accounts.models.teams import Team
from accounts.rights import Can, GrantRole, Role
from cpms.common.messaging.mail import OutgoingMail
from cpms.common.models import ScopedQuerySet

INVITED_ROLES = [*Role.choices, (GrantRole.USER.value, GrantRole.USER.label)]


class InvitationQuerySet(ScopedQuerySet):
    right = Can.MANAGE_TEAM

    def open(self) -> Self:
        """Neither accepted nor revoked; they may have expired."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)


class Invitation(models.Model):
    """An e-mail that invites somebody to join a team. Accounts are created by invitation only.

    Of the link's token only a hash is kept; it is made anew from `nonce` and our secret key when the mail is sent.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("team"))
    email = models.EmailField(_("e-mail"), max_length=254)
    role = models.CharField(_("role"), max_length=10, choices=INVITED_ROLES, default=Role.VIEWER)
    installation = models.ForeignKey(
        "chargers.Installation", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="+"
    )  # this and the next two: of a driver, who does not join the team
    station = models.ForeignKey(
        "chargers.ChargingStation", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="+"
    )
    access_ends_at = models.DateTimeField(_("access ends"), null=True, blank=True, editable=False)
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
                violation_error_message=_("This address has been invited already."),
            ),
            models.CheckConstraint(
                condition=Q(role__in=[key for key, _label in INVITED_ROLES]),
                name="invitation_role_known",
                violation_error_message=_("Choose a role."),
            ),
            models.CheckConstraint(
                condition=Q(role=GrantRole.USER) ^ Q(installation__isnull=True, station__isnull=True),
                name="invitation_of_driver_to_a_place",
                violation_error_message=_("A driver is invited to an installation or a station."),
            ),
        ]
        verbose_name, verbose_name_plural = _("invitation"), _("invitations")

    def __str__(self) -> str:
        return f"{self.email} · {self.team}"

    @property
    def is_to_charge(self) -> bool:
        """Whether it is about charging at a place, not about joining the team."""
        return self.role == GrantRole.USER

    @property
    def place(self) -> Any:
        """The installation or the station at which a driver may charge."""
        return self.installation or self.station

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
        DOMAIN = "domain", _("Domain was switched off")
        PASSWORD = "password", _("Password was changed")
        APP_ON = "app_on", _("Authenticator app was added")
        APP_OFF = "app_off", _("Authenticator app was removed")
        KEY_ON = "key_on", _("Passkey was added")
        KEY_OFF = "key_off", _("Passkey was removed")
        CODES = "codes", _("Recovery codes were made")
        RESET_2FA = "reset_2fa", _("Second factor was reset by support")
        GRANT = "grant", _("Access was given, changed or withdrawn")
        EXPIRY = "expiry", _("Key of a program ends soon")
        WRONG_CODES = "wrong_2fa", _("Wrong codes of a second factor")
        ENROL_CODE = "enrol_code", _("Enrolment code was issued")
        MANY_ACCOUNTS = "many_accs", _("One source tries many accounts")
        MANY_ATTEMPTS = "many_tries", _("Many failed sign-ins to one account")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    email = models.CharField(_("e-mail"), max_length=254)
    language = models.CharField(_("language"), max_length=10, blank=True)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    invitation = models.ForeignKey(
        Invitation, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("invitation")
    )
    key = models.ForeignKey(
        ProgramKey,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("key of a program"),
    )
    grant = models.ForeignKey(
        Grant, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("grant")
    )

    team = models.ForeignKey(
        Team,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("In whose look it is. Only invitations and access lead to the team's own domain."),
    )
    about = models.CharField(_("about"), max_length=253, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="account_mail_to_send"),
        ]
        verbose_name, verbose_name_plural = _("account mail"), _("account mails")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.email}"
