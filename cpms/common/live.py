"""The browser's socket: tells an open page that something it shows has changed. It never carries data."""

from __future__ import annotations

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db.models import Model

from cpms.common.news import team_group

MOST_TEAMS = 100
NOT_LOGGED_IN = 4401


def _teams(user: Any) -> list[int]:
    """The teams whose news this person hears; support staff hears all, up to a hundred."""
    if not user.is_staff:
        return list(user.team_ids)
    team: type[Model] = user._meta.get_field("teams").related_model
    return list(team._default_manager.order_by("pk").values_list("pk", flat=True)[:MOST_TEAMS])


@database_sync_to_async
def _teams_now(user: Any, session: Any) -> list[int] | None:
    """The same after a while: None when this person may not log in any more, or has logged out elsewhere."""
    fresh = type(user)._default_manager.filter(pk=user.pk, is_active=True).first()
    is_ended = session is not None and not session.exists(session.session_key)
    return None if fresh is None or is_ended else _teams(fresh)


class LiveConsumer(AsyncJsonWebsocketConsumer):
    teams: list[int] = []

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.accept()  # so that the page learns why, instead of trying for ever
            await self.close(NOT_LOGGED_IN)
            return
        await self._listen(await database_sync_to_async(_teams)(user))
        await self.accept()

    async def _listen(self, teams: list[int]) -> None:
        for team in set(teams) - set(self.teams):
            await self.channel_layer.group_add(team_group(team), self.channel_name)
        for team in set(self.teams) - set(teams):
            await self.channel_layer.group_discard(team_group(team), self.channel_name)
        self.teams = teams

    async def disconnect(self, code: int) -> None:
        for team in self.teams:
            await self.channel_layer.group_discard(team_group(team), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """The page asks now and then whether we are still here: a dead network shows no other sign.

        That is also when we look whether this person still is: who was taken out of a team hears it no more.
        """
        if content != "ping":
            return
        teams = await _teams_now(self.scope["user"], self.scope.get("session"))
        if teams is None:
            await self.close(NOT_LOGGED_IN)
            return
        await self._listen(teams)
        await self.send_json("pong")

    async def news(self, event: dict[str, Any]) -> None:
        await self.send_json({"stations": event["stations"]})
