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


def test_after_ten_unknown_cards_a_minute_every_card_is_invalid_without_a_look_up(house, station):
    with house.link(station) as link:
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


def test_starts_and_ends_are_never_judged_so(house, station):
    with house.link(station) as link:
        for n in range(11):
            status(link, f"UNKNOWN-{n}")
        assert status(link, "GOODTAG") == "Invalid"
        number = link.start()
        assert link.stop(number, idTag="GOODTAG")["idTagInfo"]["status"] == "Accepted"
    session = station.charging_sessions.get()
    assert session.tag.value == "GOODTAG" and session.stopped_at is not None


def test_several_gateways_count_together_and_stations_apart(house, station):
    neighbour = house.station()
    for gateway in (house.gateway, house.other):
        with house.link(station, gateway) as link:
            for n in range(6):
                status(link, f"UNKNOWN-{n}")
    with Link(house.gateway.url, station.identity, password="0123456789abcdef").opened() as link:
        assert status(link, "GOODTAG") == "Invalid"
    with house.link(neighbour) as link:
        assert status(link, "GOODTAG") == "Accepted"
