"""The providers (teams) whose stations a user sees, and the one that the user has selected."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts.access.rights import Provider
from accounts.models import Team, User

SESSION_KEY = "provider"
MAX_PROVIDERS = 100


def providers_of(user: User) -> list[Provider]:
    """Return the user's teams and those that granted them access to something, by name.

    Support staff can see all teams: nothing is listed for them. Users without granted access cost no extra query.
    """
    if user.is_staff:
        return []
    own = [Provider(team.pk, team.name) for team in user.access.own_teams]
    if not user.access.active_grants:
        return own
    installations = {held.installation_id for held in user.access.active_grants}
    stations = {held.station_id for held in user.access.active_grants}
    givers = Q(pk__in=Team.objects.filter(installations__in=installations).values("pk"))
    givers |= Q(pk__in=Team.objects.filter(stations__in=stations).values("pk"))
    rows = Team.objects.filter(givers).exclude(pk__in=user.access.team_ids)
    found = [Provider(pk, name) for pk, name in rows.values_list("pk", "name")[:MAX_PROVIDERS]]
    return sorted([*own, *found], key=lambda provider: (provider.name.casefold(), provider.pk))


def chosen_provider(user: User, key: Any) -> Provider | None:
    """Return what the provider with this key narrows pages to; None if the user can see nothing of it."""
    if not isinstance(key, int):
        return None
    if user.is_staff:
        team = Team.objects.filter(pk=key).only("name").first()
        return Provider(team.pk, team.name) if team else None
    return next((provider for provider in providers_of(user) if provider.pk == key), None)
