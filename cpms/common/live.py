"""The browser's socket: tells an open page that something it shows has changed. It never carries data."""

from __future__ import annotations

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db.models import Model

from cpms.common.news import team_group

MOST_TEAMS = 100
NOT_LOGGED_IN = 4401


@database_sync_to_async
def _teams(user: Any) -> list[int]:
    """The teams whose news this person hears; support staff hears all, up to a hundred."""
    if not user.is_staff:
        return list(user.team_ids)
    team: type[Model] = user._meta.get_field("teams").related_model
    return list(team._default_manager.order_by("pk").values_list("pk", flat=True)[:MOST_TEAMS])


class LiveConsumer(AsyncJsonWebsocketConsumer):
    teams: list[int] = []

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.accept()  # so that the page learns why, instead of trying for ever
            await self.close(NOT_LOGGED_IN)
            return
        self.teams = await _teams(user)
        for team in self.teams:
            await self.channel_layer.group_add(team_group(team), self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        for team in self.teams:
            await self.channel_layer.group_discard(team_group(team), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """The page asks now and then whether we are still here: a dead network shows no other sign."""
        if content == "ping":
            await self.send_json("pong")

    async def news(self, event: dict[str, Any]) -> None:
        await self.send_json({"stations": event["stations"]})
