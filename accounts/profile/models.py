"""Changes of e-mail addresses, which can be undone for some days."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models import User


class AddressChange(models.Model):
    """A change of an account's e-mail address. The owner of the old address can undo it for some days."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="address_changes", verbose_name=_("person"))
    old_email = models.EmailField(_("old address"), max_length=254)
    new_email = models.EmailField(_("new address"), max_length=254)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["changed_at"], name="address_change_at")]
        verbose_name, verbose_name_plural = _("change of e-mail address"), _("changes of e-mail address")

    def __str__(self) -> str:
        return f"{self.old_email} → {self.new_email}"
