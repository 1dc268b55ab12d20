"""E-mails about accounts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.access.models import Grant
from accounts.people.models import User
from accounts.teams.models import Team
from cpms.common.messaging.mail import OutgoingMail


class AccountMail(OutgoingMail):
    """An e-mail about an account. Its text is written when it is sent, so that no link with a secret is stored.

    An e-mail that a page requests is queued whether or not the account exists, so that neither the response nor its
    time reveals that.
    """

    class Kind(models.TextChoices):
        RESET = "reset", _("New password")
        VERIFY = "verify", _("Confirm e-mail address")
        CHANGED = "changed", _("E-mail address was changed")
        INVITE = "invite", _("Invitation")
        DOMAIN = "domain", _("Domain switched off")
        PASSWORD = "password", _("Password was changed")
        APP_ON = "app_on", _("Authenticator app was added")
        APP_OFF = "app_off", _("Authenticator app was removed")
        KEY_ON = "key_on", _("Passkey was added")
        KEY_OFF = "key_off", _("Passkey was removed")
        CODES = "codes", _("Recovery codes were created")
        RESET_2FA = "reset_2fa", _("Two-factor authentication was reset by support")
        GRANT = "grant", _("Access was granted, changed or revoked")
        EXPIRY = "expiry", _("Application key expires soon")
        WRONG_CODES = "wrong_2fa", _("Wrong two-factor codes")
        ENROL_CODE = "enrol_code", _("Enrolment code was issued")
        MANY_ACCOUNTS = "many_accs", _("One network tries many accounts")
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
        verbose_name=_("application key"),
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
        help_text=_("The team whose branding the e-mail has."),
    )
    about = models.CharField(_("about"), max_length=253, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="account_mail_to_send"),
        ]
        verbose_name, verbose_name_plural = _("account e-mail"), _("account e-mails")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.email}"
