"""Changes to a team's own affairs: its name, who pays, which functions it has, which domains are its own."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.people.models import User
from accounts.teams.models import Team
from cpms.common.errors import NotAllowed


def demand_team(actor: User | None, team: Team) -> None:
    """Raises:
    NotAllowed: the person is no administrator of the team.
    """
    if actor is not None and not actor.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team may change its settings."))
