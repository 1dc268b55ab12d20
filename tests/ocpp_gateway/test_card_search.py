"""Whoever tries card numbers at a station learns nothing after ten unknown ones a minute."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import ChargingStation
from maintenance.models import SecurityEvent
from tests.ocpp_gateway.link import Link

pytestmark = pytest.mark.processes


def status(link, card):
    return link.call("Authorize", idTag=card)["idTagInfo"]["status"]


def test_after_ten_unknown_cards_a_minute_every_card_is_invalid_without_a_look_up(system, station):
    with system.link(station) as link:
        for n in range(10):
            assert status(link, f"UNKNOWN-{n}") == "Invalid"
        assert status(link, "GOODTAG") == "Accepted"  # ten are not too many
        assert not SecurityEvent.objects.filter(station=station).exists()
        assert status(link, "UNKNOWN-10") == "Invalid"
        assert status(link, "GOODTAG") == "Invalid"
        event = SecurityEvent.objects.get(station=station)
        assert event.type == "UnknownCardsTried" and event.is_critical
        ChargingStation.objects.filter(pk=station.pk).update(unknown_cards_since=timezone.now() - timedelta(minutes=1))
        assert status(link, "GOODTAG") == "Accepted"


def test_starts_and_ends_are_never_judged_so(system, station):
    with system.link(station) as link:
        for n in range(11):
            status(link, f"UNKNOWN-{n}")
        assert status(link, "GOODTAG") == "Invalid"
        number = link.start()
        assert link.stop(number, idTag="GOODTAG")["idTagInfo"]["status"] == "Accepted"
    session = station.charging_sessions.get()
    assert session.tag.value == "GOODTAG" and session.stopped_at is not None


def test_several_gateways_count_together_and_stations_apart(system, station):
    neighbour = system.station()
    for gateway in (system.gateway, system.other):
        with system.link(station, gateway) as link:
            for n in range(6):
                status(link, f"UNKNOWN-{n}")
    with Link(system.gateway.url, station.identity, password="0123456789abcdef").opened() as link:
        assert status(link, "GOODTAG") == "Invalid"
    with system.link(neighbour) as link:
        assert status(link, "GOODTAG") == "Accepted"
