"""Online status is judged by the database's clock, so that a process with a wrong clock affects no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chargers.models import ChargingStation, Presence
from chargers.stations.services.links import close_links_of_dead_nodes, record_node_alive, register_node
from sessions.ledger.services.closing import close_stale_sessions
from sessions.models import ChargingSession
from tests.factories import SessionFactory, StationFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_an_hour_sets_no_station_offline_and_ends_no_session(monkeypatch: Any, hours: int) -> None:
    node = register_node("here")
    station = StationFactory.create(node=node, last_heard_at=timezone.now(), connected_at=timezone.now())
    SessionFactory.create(station=station, started_at=timezone.now() - timedelta(minutes=5))
    true_now = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: true_now() + timedelta(hours=hours))
    record_node_alive(node.pk)
    assert close_links_of_dead_nodes() == 0
    assert close_stale_sessions() == 0
    assert ChargingStation.objects.online().get() == station
    monkeypatch.undo()
    found = ChargingStation.objects.with_presence().get()
    assert found.presence == Presence.ONLINE
    assert ChargingSession.objects.open().count() == 1
