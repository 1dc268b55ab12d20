"""Browsers in which users are signed in, and enrolment codes of support staff."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models import User
from cpms.common.web.formatting import DASH


class SignedInBrowser(models.Model):
    """A browser in which a user is signed in: its address, its user agent, and when it was last seen.

    Allauth's own model is not used: it requires an address, which is missing behind a unix socket, and it reads every
    session of a user at each sign-in.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browsers", verbose_name=_("person"))
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    session_hash = models.CharField(max_length=128, editable=False)  # changes with the password
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    agent = models.CharField(_("browser"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("signed in"), default=timezone.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)

    class Meta:
        ordering = ["-last_seen_at", "-id"]
        indexes = [models.Index(fields=["last_seen_at"], name="browser_last_seen")]
        verbose_name, verbose_name_plural = _("signed-in browser"), _("signed-in browsers")

    def __str__(self) -> str:
        return f"{self.user} · {self.address or DASH}"


class FactorEnrolmentCode(models.Model):
    """A code that a member of the support staff needs to set up their first second factor. Only its hash is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="factor_codes", verbose_name=_("person"))
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("issued by")
    )
    created_at = models.DateTimeField(_("issued"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("replaced"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(used_at__isnull=True, revoked_at__isnull=True),
                name="factor_code_open_once_per_person",
            ),
        ]
        verbose_name, verbose_name_plural = _("enrolment code"), _("enrolment codes")

    def __str__(self) -> str:
        return str(self.user)


FACTOR_TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
