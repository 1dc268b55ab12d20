"""Invitations to join a team."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can, GrantRole, Role
from accounts.people.models import User
from accounts.teams.models import Team
from cpms.common.models import ScopedQuerySet

INVITED_ROLES = [*Role.choices, (GrantRole.USER.value, GrantRole.USER.label)]


class InvitationQuerySet(ScopedQuerySet):
    right = Can.MANAGE_TEAM

    def open(self) -> Self:
        """Return invitations that were neither accepted nor revoked. They may have expired."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)


class Invitation(models.Model):
    """An e-mail that invites somebody to join a team. Accounts are created by invitation only.

    Only a hash of the link's token is stored. The token is derived from `nonce` and the secret key when the e-mail is
    sent.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("team"))
    email = models.EmailField(_("e-mail"), max_length=254)
    role = models.CharField(_("role"), max_length=10, choices=INVITED_ROLES, default=Role.VIEWER)
    installation = models.ForeignKey(
        "chargers.Installation", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="+"
    )  # this and the next two fields: set for drivers, who do not join the team
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
                violation_error_message=_("This address has already been invited."),
            ),
            models.CheckConstraint(
                condition=Q(role__in=[key for key, _label in INVITED_ROLES]),
                name="invitation_role_known",
                violation_error_message=_("Choose a role."),
            ),
            models.CheckConstraint(
                condition=Q(role=GrantRole.USER) ^ Q(installation__isnull=True, station__isnull=True),
                name="invitation_of_driver_to_a_place",
                violation_error_message=_("Choose an installation or a station for the driver."),
            ),
        ]
        verbose_name, verbose_name_plural = _("invitation"), _("invitations")

    def __str__(self) -> str:
        return f"{self.email} · {self.team}"

    @property
    def is_to_charge(self) -> bool:
        """Return whether this invites a driver to charge at a place instead of a member to the team."""
        return self.role == GrantRole.USER

    @property
    def place(self) -> Any:
        """Return the installation or the station at which a driver may charge."""
        return self.installation or self.station

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
