"""The browser's WebSocket receives news of the user's own teams only, and only station ids."""

import pytest
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer, channel_layers
from channels.testing import WebsocketCommunicator
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore

from cpms.common.messaging.news import person_group, team_group
from cpms.portal.frame.live import FACTOR_REQUIRED, NOT_SIGNED_IN, LiveConsumer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def layer():
    """A channel layer on the event loop of this test."""
    own = InMemoryChannelLayer()
    before = channel_layers.set("default", own)
    yield own
    channel_layers.set("default", before)


def socket_of(user) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/live/")
    socket.scope["user"] = user
    return socket


def news_received(user, layer, team, stations):
    """Return what a user's page receives when stations of a team change."""

    async def exchange():
        socket = socket_of(user)
        await socket.connect()
        await layer.group_send(team_group(team.pk), {"type": "news", "team": team.pk, "stations": stations})
        received = None if await socket.receive_nothing(0.2) else await socket.receive_json_from()
        await socket.disconnect()
        return received

    return async_to_sync(exchange)()


def test_a_page_hears_which_stations_of_its_team_changed(viewer, team, layer):
    assert news_received(viewer, layer, team, [3, 4]) == {"stations": [3, 4]}
    assert news_received(viewer, layer, team, None) == {"stations": None}


def test_a_page_hears_nothing_of_other_teams(stranger, team, layer):
    assert news_received(stranger, layer, team, [3]) is None


def test_support_staff_hears_all_teams(staff, team, layer):
    assert news_received(staff, layer, team, [3]) == {"stations": [3]}


def test_nobody_is_told_that_nobody_is_there():
    async def exchange():
        socket = socket_of(AnonymousUser())
        await socket.connect()
        return await socket.receive_output()

    assert async_to_sync(exchange)()["code"] == NOT_SIGNED_IN


def test_a_ping_is_answered(viewer):
    async def exchange():
        socket = socket_of(viewer)
        await socket.connect()
        await socket.send_json_to("ping")
        answer = await socket.receive_json_from()
        await socket.disconnect()
        return answer

    assert async_to_sync(exchange)() == "pong"


def test_who_was_taken_out_of_a_team_hears_it_no_more(viewer, team, layer):
    async def exchange():
        socket = socket_of(viewer)
        await socket.connect()
        await database_sync_to_async(viewer.memberships.all().delete)()
        await socket.send_json_to("ping")
        assert await socket.receive_json_from() == "pong"
        await layer.group_send(team_group(team.pk), {"type": "news", "team": team.pk, "stations": [3]})
        hears_nothing = await socket.receive_nothing(0.2)
        await socket.disconnect()
        return hears_nothing

    assert async_to_sync(exchange)()


def test_who_may_not_log_in_any_more_is_told_so(viewer):
    async def exchange():
        socket = socket_of(viewer)
        await socket.connect()
        await database_sync_to_async(type(viewer).objects.filter(pk=viewer.pk).update)(is_active=False)
        await socket.send_json_to("ping")
        return await socket.receive_output()

    assert async_to_sync(exchange)()["code"] == NOT_SIGNED_IN


def test_who_logged_out_elsewhere_is_told_so(viewer):
    async def exchange():
        socket = socket_of(viewer)
        socket.scope["session"] = session = SessionStore()
        await database_sync_to_async(session.create)()
        await socket.connect()
        await socket.send_json_to("ping")
        assert await socket.receive_json_from() == "pong"
        await database_sync_to_async(SessionStore(session.session_key).delete)()
        await socket.send_json_to("ping")
        return await socket.receive_output()

    assert async_to_sync(exchange)()["code"] == NOT_SIGNED_IN


def ends_after(viewer, change, event):
    """Return how the WebSocket of a signed-in browser is closed after a change elsewhere."""

    async def exchange():
        socket = socket_of(viewer)
        socket.scope["session"] = session = SessionStore()
        session[HASH_SESSION_KEY] = viewer.get_session_auth_hash()
        await database_sync_to_async(session.create)()
        await socket.connect()
        await database_sync_to_async(change)(session)
        await socket.send_json_to("ping") if event is None else await event()
        return await socket.receive_output()

    return async_to_sync(exchange)()


def test_who_is_signed_out_from_elsewhere_is_told_at_once(viewer, layer):
    def change(session):
        SessionStore(session.session_key).delete()

    async def event():
        await layer.group_send(person_group(viewer.pk), {"type": "recheck"})

    assert ends_after(viewer, change, event)["code"] == NOT_SIGNED_IN


def test_a_page_from_before_the_password_was_changed_hears_nothing_more(viewer):
    def change(session):
        viewer.set_password("ein langer neuer Satz")
        viewer.save()

    assert ends_after(viewer, change, None)["code"] == NOT_SIGNED_IN


def test_a_page_that_may_stay_stays_when_others_are_signed_out(viewer, layer):
    async def exchange():
        socket = socket_of(viewer)
        await socket.connect()
        await layer.group_send(person_group(viewer.pk), {"type": "recheck"})
        await socket.send_json_to("ping")
        answer = await socket.receive_json_from()
        await socket.disconnect()
        return answer

    assert async_to_sync(exchange)() == "pong"


def test_who_owes_a_second_factor_hears_nothing(viewer, team):
    """As on pages, which offer nothing but the set-up."""
    type(team).objects.filter(pk=team.pk).update(requires_two_factor=True)

    async def exchange():
        socket = socket_of(viewer)
        await socket.connect()
        return await socket.receive_output()

    assert async_to_sync(exchange)()["code"] == FACTOR_REQUIRED


def test_whose_team_demands_a_second_factor_meanwhile_is_sent_away(viewer, team):
    def change(session):
        type(team).objects.filter(pk=team.pk).update(requires_two_factor=True)

    assert ends_after(viewer, change, None)["code"] == FACTOR_REQUIRED


@pytest.mark.parametrize("broken", ["{", "ping", "[" * 100_000, "NaN", '"pong"', "{}", "\ud800", b"\x00\xff"])
def test_broken_json_is_no_end(viewer, broken):
    async def exchange():
        socket = socket_of(viewer)
        await socket.connect()
        await socket.send_to(**{"bytes_data" if isinstance(broken, bytes) else "text_data": broken})
        await socket.send_json_to("ping")
        answer = await socket.receive_json_from()
        await socket.disconnect()
        return answer

    assert async_to_sync(exchange)() == "pong"
