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
# close codes, which static/js/live.js knows
NOT_SIGNED_IN = 4401
FACTOR_REQUIRED = 4403  # the user must set up a second factor first, as on every page
FILTER_CHANGED = 4409  # another provider or group of stations was selected in another window


@dataclass(frozen=True)
class Subscription:
    """The stations whose changes a page is told of.

    Attributes:
        whole_teams: teams of which the user sees all stations.
        partial_teams: teams of which the user sees only some of `stations`.
        stations: ids of the single stations.
        selection: ids of the selected provider and group.
    """

    whole_teams: frozenset[int] = frozenset()
    partial_teams: frozenset[int] = frozenset()
    stations: frozenset[int] = frozenset()
    selection: tuple[int | None, int | None] = (None, None)

    @property
    def teams(self) -> frozenset[int]:
        return self.whole_teams | self.partial_teams

    def match(self, event: dict[str, Any]) -> tuple[bool, list[int] | None]:
        """Return whether the event concerns the page, and the stations that changed (None: many)."""
        stations = event["stations"]
        if event.get("team") in self.whole_teams or stations is None:
            return True, stations
        visible = [station for station in stations if station in self.stations]
        return bool(visible), visible


def subscription_of(user: User, session: Any) -> Subscription:
    """Return what the user's pages subscribe to now. Takes two queries for a member of teams without a selection."""
    data = session if session is not None else {}
    host_sessions.limit_to_host_team(user, data)
    user.access.group = groups.chosen_group(user, data.get(groups.SESSION_KEY))
    user.access.provider = providers.chosen_provider(user, data.get(providers.SESSION_KEY))
    group, provider = user.access.group, user.access.provider
    selection = (provider.pk if provider else None, group.pk if group else None)
    scope = user.access.scope(Can.SEE_STATIONS)
    if provider is not None and group is None and (scope.is_everything or provider.pk in scope.teams):
        return Subscription(whole_teams=frozenset([provider.pk]), selection=selection)
    if provider is not None or group is not None:
        return _to_stations(
            ChargingStation.objects.allowed(user, Can.SEE_STATIONS).in_view_of(user), selection=selection
        )
    if scope.is_everything:
        teams = Team.objects.order_by("pk").values_list("pk", flat=True)[:MAX_TEAMS]
        return Subscription(whole_teams=frozenset(teams))
    whole_teams = frozenset(scope.teams)
    scopes = [scope, user.access.scope(Can.CHARGE)]  # users who may only charge see the connectors as well
    installations = [key for one in scopes for key in one.installations]
    stations = [key for one in scopes for key in one.stations]
    if not (installations or stations):
        return Subscription(whole_teams=whole_teams)
    granted = Q(installation__in=installations) | Q(pk__in=stations)
    return _to_stations(ChargingStation.objects.filter(granted), whole_teams=whole_teams)


def _to_stations(rows: Any, **options: Any) -> Subscription:
    pairs = list(rows.filter(team__isnull=False).order_by().values_list("team_id", "pk"))
    return Subscription(
        partial_teams=frozenset(team for team, _pk in pairs), stations=frozenset(pk for _team, pk in pairs), **options
    )


class FactorRequired:
    """The user must set up a second factor first."""


def must_set_up_factor(user: User) -> bool:
    return user.access.must_have_second_factor and not factors.has_factor(user)


@database_sync_to_async
def _current_subscription(user: Any, session: Any) -> Subscription | FactorRequired | None:
    """Return the subscription by the current state of the database, or None if the user is signed out by now."""
    current_user = User.objects.filter(pk=user.pk, is_active=True).first()
    is_ended = session is not None and not session.exists(session.session_key)
    if current_user is None or is_ended:
        return None
    stored = None if session is None else import_module(settings.SESSION_ENGINE).SessionStore(session.session_key)
    auth_hash = None if stored is None else stored.get(HASH_SESSION_KEY)
    if auth_hash is not None and not constant_time_compare(auth_hash, current_user.get_session_auth_hash()):
        return None  # the password was changed since
    return FactorRequired() if must_set_up_factor(current_user) else subscription_of(current_user, stored)


class LiveConsumer(AsyncJsonWebsocketConsumer):
    subscription = Subscription()

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.accept()  # so that the page gets the code and does not retry forever
            await self.close(NOT_SIGNED_IN)
            return
        if await database_sync_to_async(must_set_up_factor)(user):
            await self.accept()
            await self.close(FACTOR_REQUIRED)
            return
        await self._subscribe(await database_sync_to_async(subscription_of)(user, self.scope.get("session")))
        await self.channel_layer.group_add(person_group(user.pk), self.channel_name)
        await self.accept()

    async def _subscribe(self, subscription: Subscription) -> None:
        for team in subscription.teams - self.subscription.teams:
            await self.channel_layer.group_add(team_group(team), self.channel_name)
        for team in self.subscription.teams - subscription.teams:
            await self.channel_layer.group_discard(team_group(team), self.channel_name)
        self.subscription = subscription

    async def disconnect(self, code: int) -> None:
        user = self.scope["user"]
        if user.is_authenticated:
            await self.channel_layer.group_discard(person_group(user.pk), self.channel_name)
        for team in self.subscription.teams:
            await self.channel_layer.group_discard(team_group(team), self.channel_name)

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        """Return None for text that is not valid JSON, so that it is ignored."""
        try:
            return await super().decode_json(text_data)
        except (ValueError, RecursionError):
            return None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Ignore binary frames."""
        if text_data:
            await super().receive(text_data=text_data, **kwargs)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Answer the page's pings, which detect a dead network.

        Each ping also checks that the user is still signed in, and updates the subscription.
        """
        if content == "ping" and await self._check_access():
            await self.send_json("pong")

    async def _check_access(self) -> bool:
        """Update the subscription and return True, or close the socket if the page has to be loaded again."""
        subscription = await _current_subscription(self.scope["user"], self.scope.get("session"))
        if subscription is None:
            await self.close(NOT_SIGNED_IN)
        elif isinstance(subscription, FactorRequired):
            await self.close(FACTOR_REQUIRED)
        elif subscription.selection != self.subscription.selection:
            await self.close(FILTER_CHANGED)
        else:
            await self._subscribe(subscription)
            return True
        return False

    async def news(self, event: dict[str, Any]) -> None:
        is_visible, stations = self.subscription.match(event)
        if is_visible:
            await self.send_json({"stations": stations})

    async def notified(self, event: dict[str, Any]) -> None:
        """Tell the page that the number of unread notifications changed."""
        await self.send_json("notified")

    async def recheck(self, event: dict[str, Any]) -> None:
        """Check access again: one of the user's browsers was signed out elsewhere, perhaps this one."""
        await self._check_access()
