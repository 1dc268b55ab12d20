from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext
from rest_framework import serializers

from accounts.members.models import Invitation
from accounts.teams.models import Team
from cpms.common.errors import DomainError


def chosen_team(teams: QuerySet[Team], handle: str) -> Team:
    """The team that a request is about: the one that is named, or the only one there is.

    Args:
        teams: those in which the person may do it.

    Raises:
        DomainError: none of them has this handle, or none is named and there are several.
    """
    first = list((teams.filter(handle=handle) if handle else teams)[:2])
    if len(first) == 1:
        return first[0]
    sentence = gettext("Name one of your teams by its handle.")
    raise DomainError(sentence, fields={"team": sentence})


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation that nobody has accepted yet."""

    team = serializers.CharField(source="team.handle", read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "team", "email", "role", "language", "created_at", "expires_at"]
        read_only_fields = fields
