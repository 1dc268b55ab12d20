"""The browser's socket: tells an open page that something it shows has changed. It never carries data."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.db.models import Q
from django.utils.crypto import constant_time_compare

from accounts.access.rights import Can
from accounts.models import Team, User
from accounts.sign_in.services import factors, host_sessions
from chargers.groups.services import groups, providers
from chargers.models import ChargingStation
from cpms.common.messaging.news import person_group, team_group

MAX_TEAMS = 100
NOT_LOGGED_IN = 4401
OWES_FACTOR = 4403  # must set up a second factor first, like on every page
OTHER_CHOICE = 4409  # another provider or group of stations was chosen in another window


@dataclass(frozen=True)
class Hearing:
    """Of which stations a page may hear: all of some teams, and of others those that are named."""

    whole: frozenset[int] = frozenset()
    parts: frozenset[int] = frozenset()
    stations: frozenset[int] = frozenset()
    choice: tuple[int | None, int | None] = (None, None)  # provider and group

    @property
    def teams(self) -> frozenset[int]:
        return self.whole | self.parts

    def of(self, event: dict[str, Any]) -> tuple[bool, list[int] | None]:
        """Whether there is something to tell, and which stations changed (None: many)."""
        stations = event["stations"]
        if event.get("team") in self.whole or stations is None:
            return True, stations
        ours = [station for station in stations if station in self.stations]
        return bool(ours), ours


def hearing(user: User, session: Any) -> Hearing:
    """What this person's pages hear now: a few queries, two for whoever only has teams and has chosen nothing."""
    kept = session if session is not None else {}
    host_sessions.limit_to_host_team(user, kept)
    user.access.group = groups.chosen_group(user, kept.get(groups.SESSION_KEY))
    user.access.provider = providers.chosen_provider(user, kept.get(providers.SESSION_KEY))
    group, provider = user.access.group, user.access.provider
    choice = (provider.pk if provider else None, group.pk if group else None)
    scope = user.access.scope(Can.SEE_STATIONS)
    if provider is not None and group is None and (scope.is_everything or provider.pk in scope.teams):
        return Hearing(whole=frozenset([provider.pk]), choice=choice)
    if provider is not None or group is not None:
        return _named(ChargingStation.objects.allowed(user, Can.SEE_STATIONS).in_view_of(user), choice=choice)
    if scope.is_everything:
        return Hearing(whole=frozenset(Team.objects.order_by("pk").values_list("pk", flat=True)[:MAX_TEAMS]))
    whole = frozenset(scope.teams)
    places = [scope, user.access.scope(Can.CHARGE)]  # who may only charge hears of the connectors as well
    installations = [key for one in places for key in one.installations]
    stations = [key for one in places for key in one.stations]
    if not (installations or stations):
        return Hearing(whole=whole)
    granted = Q(installation__in=installations) | Q(pk__in=stations)
    return _named(ChargingStation.objects.filter(granted), whole=whole)


def _named(rows: Any, **more: Any) -> Hearing:
    pairs = list(rows.filter(team__isnull=False).order_by().values_list("team_id", "pk"))
    return Hearing(parts=frozenset(team for team, _pk in pairs), stations=frozenset(pk for _team, pk in pairs), **more)


class Debt:
    """The person must set up a second factor first."""


def owes_factor(user: User) -> bool:
    return user.access.must_have_second_factor and not factors.has_factor(user)


@database_sync_to_async
def _hearing_now(user: Any, session: Any) -> Hearing | Debt | None:
    """The same after a while: None when this person may not log in any more, or has logged out elsewhere."""
    fresh = User.objects.filter(pk=user.pk, is_active=True).first()
    is_ended = session is not None and not session.exists(session.session_key)
    if fresh is None or is_ended:
        return None
    stored = None if session is None else import_module(settings.SESSION_ENGINE).SessionStore(session.session_key)
    made_for = None if stored is None else stored.get(HASH_SESSION_KEY)
    if made_for is not None and not constant_time_compare(made_for, fresh.get_session_auth_hash()):
        return None  # the password is another one since
    return Debt() if owes_factor(fresh) else hearing(fresh, stored)


class LiveConsumer(AsyncJsonWebsocketConsumer):
    heard = Hearing()

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.accept()  # so that the page learns why, instead of trying for ever
            await self.close(NOT_LOGGED_IN)
            return
        if await database_sync_to_async(owes_factor)(user):
            await self.accept()
            await self.close(OWES_FACTOR)
            return
        await self._listen(await database_sync_to_async(hearing)(user, self.scope.get("session")))
        await self.channel_layer.group_add(person_group(user.pk), self.channel_name)
        await self.accept()

    async def _listen(self, heard: Hearing) -> None:
        for team in heard.teams - self.heard.teams:
            await self.channel_layer.group_add(team_group(team), self.channel_name)
        for team in self.heard.teams - heard.teams:
            await self.channel_layer.group_discard(team_group(team), self.channel_name)
        self.heard = heard

    async def disconnect(self, code: int) -> None:
        user = self.scope["user"]
        if user.is_authenticated:
            await self.channel_layer.group_discard(person_group(user.pk), self.channel_name)
        for team in self.heard.teams:
            await self.channel_layer.group_discard(team_group(team), self.channel_name)

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        """What is no JSON is nothing that we asked for."""
        try:
            return await super().decode_json(text_data)
        except (ValueError, RecursionError):
            return None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Bytes are nothing that we asked for either."""
        if text_data:
            await super().receive(text_data=text_data, **kwargs)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """The page asks now and then whether we are still here: a dead network shows no other sign.

        That is also when we look whether this person still is, what he may hear now and what he has chosen to look at.
        """
        if content == "ping" and await self._is_still_there():
            await self.send_json("pong")

    async def _is_still_there(self) -> bool:
        heard = await _hearing_now(self.scope["user"], self.scope.get("session"))
        if heard is None:
            await self.close(NOT_LOGGED_IN)
        elif isinstance(heard, Debt):
            await self.close(OWES_FACTOR)
        elif heard.choice != self.heard.choice:
            await self.close(OTHER_CHOICE)
        else:
            await self._listen(heard)
            return True
        return False

    async def news(self, event: dict[str, Any]) -> None:
        is_ours, stations = self.heard.of(event)
        if is_ours:
            await self.send_json({"stations": stations})

    async def notified(self, event: dict[str, Any]) -> None:
        """The number at the bell is another one."""
        await self.send_json("notified")

    async def recheck(self, event: dict[str, Any]) -> None:
        """One of this person's browsers was signed out from elsewhere: perhaps this one."""
        await self._is_still_there()
