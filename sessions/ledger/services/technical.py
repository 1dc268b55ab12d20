"""Decide who may read all of a message or command: users who may see the sessions of its station.

Other users see how stations work: of each action only the fields that its OCPP version declares technical
(`chargers.protocols`).
"""

from __future__ import annotations

from functools import cached_property

from accounts.access.rights import Can, Scope
from accounts.models import User
from chargers.models import ChargingStation


class Reader:
    """A user who reads messages and commands of many stations."""

    def __init__(self, user: User) -> None:
        self._user = user

    @cached_property
    def _scope(self) -> Scope:
        return self._user.access.scope(Can.SEE_SESSIONS)

    def sees_sessions(self, station: ChargingStation) -> bool:
        """Return whether the user may see who charged at a station, and how much."""
        return self._scope.includes(
            team_id=station.team_id, installation_id=station.installation_id, station_id=station.pk
        )
