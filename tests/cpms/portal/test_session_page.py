"""The page of a session: figures, chart and timeline."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from tests import factories

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def charged(station, tag):
    session = factories.SessionFactory(
        station=station, tag=tag, id_tag=tag.value, finished=True, started_at=START, energy_wh=35_126,
        max_power_w=21_900,         stop_reason="EVDisconnected", sample_count=9,
    )  # fmt: skip
    for minute, power in enumerate([11_000, 11_000, 11_000, 0, 0, 0]):
        factories.ReadingFactory(
            session=session, at=START + timedelta(minutes=minute), power_w=power, energy_wh=1000 + 180 * min(minute, 3)
        )
    return session


def chart(page, session):
    return page.get(reverse("sessions:session_chart", args=[session.pk])).json()


def test_figures_are_rounded_and_in_words(page, charged):
    """W93."""
    text = page.get(charged.get_absolute_url()).content.decode()
    assert "35.13" in text
    assert "21.9" in text
    assert "Cable unplugged" in text
    assert "3 min 00 s" in text  # power flowed three of the five minutes


def test_no_price_is_invented(page, charged):
    text = page.get(charged.get_absolute_url()).content.decode()
    assert "no tariff yet" in text
    assert "0.00 €" not in text


def test_flags_are_said_in_words(page, station):
    session = factories.SessionFactory(station=station, flags=["clock", "meter_reset"], has_flags=True)
    text = page.get(session.get_absolute_url()).content.decode()
    assert "Meter went backwards" in text
    assert "Station&#x27;s clock was wrong" in text


def test_gaps_in_the_readings_are_gaps_in_the_curve(page, charged):
    """W97."""
    factories.ReadingFactory(session=charged, at=START + timedelta(hours=1), power_w=5000)
    points = chart(page, charged)["views"][""]["series"][0]["points"]
    assert [value for _at, value in points][-2:] == [None, 5.0]


def test_what_was_not_measured_is_no_line(page, charged):
    views = chart(page, charged)["views"]
    assert [series["name"] for series in views[""]["series"]] == ["Power", "Energy"]
    assert views["current"]["empty"]
    assert views["charge"]["empty"]


def test_currents_and_state_of_charge_have_their_own_views(page, charged):
    """P25."""
    factories.ReadingFactory(
        session=charged, at=START + timedelta(minutes=6), current_ma={"L1": 16_000, "L3": 15_000}, state_of_charge=80
    )
    views = chart(page, charged)["views"]
    assert [series["name"] for series in views["current"]["series"]] == ["L1", "L3"]
    assert views["charge"]["series"][0]["points"][-1][1] == 80
    assert "State of charge" in page.get(charged.get_absolute_url()).content.decode()


def test_a_long_session_is_thinned_for_the_screen(page, charged):
    factories.ReadingFactory.create_batch(1600, session=charged, power_w=1)
    assert len(chart(page, charged)["views"][""]["series"][0]["points"]) <= 2000


def test_meter_values_come_in_pages(page, charged):
    """W98."""
    factories.ReadingFactory.create_batch(30, session=charged)
    url = reverse("sessions:session_readings", args=[charged.pk])
    assert "21\u201336 of 36" in page.get(url, {"page": 2}).content.decode()
    assert page.get(url, {"page": "x"}).status_code == 200


def test_what_happened_is_told_in_order(page, charged, operator):
    """B14."""
    factories.CommandFactory(
        station=charged.station, session=charged, kind="remote_stop", requested_by=operator,
        requested_at=START + timedelta(minutes=4), state="confirmed",
    )  # fmt: skip
    for minute, status in (
        (-4, "Charging"),
        (-3, "Available"),
        (-1, "Preparing"),
        (1, "Charging"),
        (2, "Charging"),
        (61, "Available"),
        (62, "Preparing"),
        (63, "Charging"),
    ):
        payload = {"connectorId": 1, "status": status, "errorCode": "NoError"}
        factories.MessageFactory(
            station=charged.station, action="StatusNotification", payload=json.dumps(payload),
            received_at=START + timedelta(minutes=minute),
        )  # fmt: skip
    events = page.get(charged.get_absolute_url()).context["entries"]
    assert [event.text for event in events] == [
        "Vehicle connected",
        "Session started · meter 1,000 Wh",
        "Charging started",
        "Stop session",
        "Session ended · meter 8,000 Wh",
        "Connector available",
    ]


def test_query_count_does_not_grow(page, charged, django_assert_max_num_queries):
    factories.ReadingFactory.create_batch(60, session=charged)
    factories.CommandFactory.create_batch(5, station=charged.station, session=charged)
    with django_assert_max_num_queries(15):
        page.get(charged.get_absolute_url())
