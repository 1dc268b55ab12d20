"""Browsers in which people are signed in."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from cpms.common.web.formatting import DASH


class SignedInBrowser(models.Model):
    """One signing-in that has not ended: from where, with what, and when it was seen last.

    Not allauth's own model: that one wants an address, which there is none of behind a unix socket, and asks for every
    session of a person whenever he signs in.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browsers", verbose_name=_("person"))
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    session_hash = models.CharField(max_length=128, editable=False)  # another password makes another one
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
