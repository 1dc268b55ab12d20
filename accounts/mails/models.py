"""Mails about somebody's account."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.access.models import Grant
from accounts.people.models import User
from accounts.teams.models import Team
from cpms.common.messaging.mail import OutgoingMail


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
        "accounts.Invitation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("invitation"),
    )
    key = models.ForeignKey(
        "accounts.ProgramKey",
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
