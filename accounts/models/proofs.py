"""What stands between a stolen password and an account: codes for a first second factor, addresses before a change."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User


class FactorEnrolmentCode(models.Model):
    """A code with which a member of the support staff sets up a first second factor. Only its hash is kept."""

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


class AddressChange(models.Model):
    """An account's e-mail address was changed. For some days the owner of the old address can undo it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="address_changes", verbose_name=_("person"))
    old_email = models.EmailField(_("old address"), max_length=254)
    new_email = models.EmailField(_("new address"), max_length=254)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["changed_at"], name="address_change_at")]
        verbose_name, verbose_name_plural = _("change of address"), _("changes of address")

    def __str__(self) -> str:
        return f"{self.old_email} → {self.new_email}"
