from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext
from rest_framework import serializers

from accounts.members.models import Invitation
from accounts.teams.models import Team
from cpms.common.errors import DomainError


def chosen_team(teams: QuerySet[Team], handle: str) -> Team:
    """Return the team of a request: the one with the given handle, or the only one there is.

    Args:
        teams: the teams in which the user is allowed to do what they request.
        handle: empty if the request names no team.

    Raises:
        DomainError: no team has this handle, or the handle is empty and there is not exactly one team.
    """
    matches = list((teams.filter(handle=handle) if handle else teams)[:2])
    if len(matches) == 1:
        return matches[0]
    sentence = gettext("Enter the handle of one of your teams.")
    raise DomainError(sentence, fields={"team": sentence})


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation that is still open."""

    team = serializers.CharField(source="team.handle", read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "team", "email", "role", "language", "created_at", "expires_at"]
        read_only_fields = fields
