"""Teams, their former handles, billing details and domains."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from cpms.common.database.process_cache import CachedModel
from cpms.common.models import ScopedQuerySet

BRANDINGS, HOSTS = "brandings", "hosts"  # keys of the per-process cache of brandings and host names


class StationPasswords(models.TextChoices):
    """How the passwords of a team's stations are stored."""

    REVEALABLE = "revealable", _("Encrypted: they can be revealed again")
    SHOW_ONCE = "show_once", _("Hashed: shown once on creation")


class TeamQuerySet(ScopedQuerySet):
    team_path = "pk"


class Team(models.Model):
    """The tenant: an operator of charging stations (CPO in OCPI)."""

    handle = models.SlugField(_("handle"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    station_passwords = models.CharField(
        _("station passwords"),
        max_length=10,
        choices=StationPasswords.choices,
        default=StationPasswords.REVEALABLE,
        help_text=_("Encrypted passwords are hashed within minutes. Hashed ones cannot be decrypted again."),
    )
    features_off = models.JSONField(
        _("features switched off"),
        default=list,
        blank=True,
        help_text=_("Their keys; see accounts/access/features.py."),
    )
    requires_two_factor = models.BooleanField(
        _("two-factor authentication required"),
        default=False,
        help_text=_("Members without it must set it up at their next sign-in."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name, verbose_name_plural = _("team"), _("teams")

    def __str__(self) -> str:
        return self.name

    def has_feature(self, key: str) -> bool:
        return key not in self.features_off


class TeamOwnedQuerySet(ScopedQuerySet):
    """Rows that only administrators of the team may see and manage."""

    right = Can.MANAGE_TEAM


class FormerHandle(models.Model):
    """A handle that a team had before. It keeps working, and no other team can take it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="former_handles", verbose_name=_("team"))
    handle = models.SlugField(_("handle"), max_length=60, unique=True)
    created_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)
    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["handle"]
        verbose_name, verbose_name_plural = _("former handle"), _("former handles")

    def __str__(self) -> str:
        return self.handle


class BillingDetails(models.Model):
    """Invoicing details for what a team buys from the operator of the platform."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="billing", verbose_name=_("team"))
    name = models.CharField(_("company or name"), max_length=160, blank=True)
    street = models.CharField(_("street and number"), max_length=200, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=120, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("Two letters (ISO 3166-1)."))
    vat_id = models.CharField(_("VAT number"), max_length=20, blank=True)
    email = models.EmailField(_("e-mail for invoices"), max_length=254, blank=True)
    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("billing details"), _("billing details")

    def __str__(self) -> str:
        return self.name or str(self.team)


class TeamDomain(CachedModel):
    """An internet domain that a team claims. It takes effect once a DNS record has proved the claim."""

    class Purpose(models.TextChoices):
        ENROLMENT = "enrolment", _("Automatic enrolment")
        PORTAL = "portal", _("Portal address")

    cache_keys = (HOSTS,)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="domains", verbose_name=_("team"))
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    domain = models.CharField(_("domain"), max_length=253)
    token = models.CharField(_("DNS token"), max_length=64, editable=False)
    proved_at = models.DateTimeField(_("verified"), null=True, blank=True, editable=False)
    checked_at = models.DateTimeField(_("last checked"), null=True, blank=True, editable=False)
    seen_at = models.DateTimeField(_("record last seen"), null=True, blank=True, editable=False)
    lost_at = models.DateTimeField(_("switched off"), null=True, blank=True, editable=False)
    points_here = models.BooleanField(_("points to us"), default=False, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(fields=["team", "purpose", "domain"], name="domain_once_per_team"),
            models.UniqueConstraint(
                fields=["purpose", "domain"],
                condition=Q(proved_at__isnull=False),
                name="domain_proved_by_one_team",
                violation_error_message=_("Another team has verified this domain."),
            ),
            models.CheckConstraint(
                condition=Q(domain=Lower("domain")),
                name="domain_in_lower_case",
                violation_error_message=_("Enter the domain in lower case."),
            ),
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
