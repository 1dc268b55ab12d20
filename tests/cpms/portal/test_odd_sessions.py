"""Sessions with contradictory reports: page, API and export show the reported values beside the calculated ones."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from chargers.models import ChargingStation
from tests.sessions.conftest import Book, at


@pytest.fixture
def book(station, tag):
    tag.value = "GOOD"
    tag.save()
    return Book(ChargingStation.objects.get(pk=station.pk))


def text_of(page, session):
    return page.get(session.get_absolute_url()).content.decode()


def read(page, session):
    return page.get(reverse("api:session-detail", args=[session.pk])).json()


def test_the_stations_own_time_stands_beside_ours(page, book):
    clock = datetime(1970, 1, 1, tzinfo=UTC)
    pk = book.start(started_at=clock, received_at=at(0)).session.pk
    book.stop(pk, stopped_at=clock + timedelta(hours=1), received_at=at(60))
    text = text_of(page, book.only())
    assert "01 Jan 1970" in text
    assert "Start by the station's clock" in text and "End by the station's clock" in text
    assert "Not billed." in text and "so the session times are unreliable" in text
    found = read(page, book.only())
    assert found["reported_started_at"] == "1970-01-01T00:00:00Z" and found["started_at"] == "2026-03-01T12:00:00Z"
    assert found["not_billed_because"].startswith("The station's clock was wrong")


def test_meter_values_are_shown_as_reported(page, book):
    pk = book.start(meter=1000, as_reported={"meter_start": "1000.4"}).session.pk
    book.stop(pk, meter=None, as_reported={"meter_stop": "<b>many</b>"})
    text = text_of(page, book.only())
    assert "reported as “1000.4”" in text
    assert "“&lt;b&gt;many&lt;/b&gt;” is not readable, last reading used" in text
    assert read(page, book.only())["as_reported"]["meter_start"] == "1000.4"
    exported = page.get(reverse("sessions:session_list"), {"export": "csv"}).getvalue().decode()
    assert "1000.4" in exported and "Meter start as reported" in exported


def test_every_end_that_was_reported_is_shown_with_what_became_of_it(page, book):
    book.stop(77, 50, meter=103_999)
    pk = book.start(0, meter=4000, arrives=51).session.pk
    assert "matched by connector, tag, meter reading and time" in text_of(page, book.only())
    book.stop(pk, 40, meter=8000, arrives=52)
    own, foreign = book.sessions()
    text = text_of(page, own)
    assert "Reported ends" in text and "Meter 103\u202f999 Wh" in text.replace("103,999", "103\u202f999")
    assert f'href="{foreign.get_absolute_url()}"' in text
    assert "Not billed." not in text
    other = text_of(page, foreign)
    assert f'href="{own.get_absolute_url()}"' in other and "Only the end was reported" in other
    (end,) = read(page, own)["other_ends"]
    assert (end["meter_wh"], end["transaction_id"], end["session"]) == (103_999, 77, foreign.pk)


def test_two_different_ends_say_why_nothing_is_billed(page, book):
    pk = book.start(0).session.pk
    book.stop(pk, 60)
    book.stop(pk, 70, meter=9000)
    text = text_of(page, book.only())
    assert "The station reported two different ends." in text and "contradicts the end that is used" in text


def test_a_reset_says_what_is_not_known(page, book):
    pk = book.start(meter=1000).session.pk
    book.samples([1500, 2000, 0, 500, 1000, 1800], transaction=pk)
    book.stop(pk, 60, meter=2600)
    text = text_of(page, book.only())
    assert "The meter was reset between" in text and "is unknown and not included" in text
    assert "Not billed." not in text
    (reset,) = read(page, book.only())["meter_resets"]
    assert (reset["before_wh"], reset["after_wh"], reset["before_at"]) == (2000, 0, "2026-03-01T12:10:00Z")
    chart = page.get(reverse("sessions:session_chart", args=[pk])).json()["views"][""]["series"][-1]
    assert [round(value, 1) for _at, value in chart["points"] if value is not None] == [0.5, 1, 1, 1.5, 2, 2.8]


def test_a_reading_of_1970_does_not_stretch_the_curve(page, book):
    pk = book.start(meter=1000).session.pk
    book.samples([1500, 2000], transaction=pk)
    book.sample(-60 * 24 * 365 * 50, 2500, transaction=pk)
    book.stop(pk, 60, meter=2600)
    chart = page.get(reverse("sessions:session_chart", args=[pk])).json()["views"][""]
    assert all(point[0] > 1_700_000_000_000 for series in chart["series"] for point in series["points"])
    assert book.only().energy_wh == 1600


def test_a_plain_session_shows_none_of_this(page, book):
    pk = book.start(0).session.pk
    book.stop(pk, 60)
    text = text_of(page, book.only())
    for words in ("Reported ends", "Not billed.", "by the station's clock", "reported as", "was reset"):
        assert words not in text
    found = read(page, book.only())
    assert (found["not_billed_because"], found["meter_resets"], found["other_ends"]) == ("", [], [])


def test_a_refused_tag_is_a_reason(page, book):
    book.start(0, tag="STRANGER")
    assert "The tag was not accepted (Invalid)." in text_of(page, book.only())


def test_the_rating_of_a_connector_is_set_by_staff_and_read_by_the_api(as_person, staff, page, connector):
    connector.max_power_w = 22_000
    connector.save()
    form = as_person(staff).get(reverse("admin:chargers_chargingstation_change", args=[connector.station_id]))
    assert 'name="connectors-0-max_power_w" value="22000"' in form.content.decode()
    found = page.get(reverse("api:station-detail", args=[connector.station.identity])).json()
    assert found["connectors"][0]["max_power_w"] == 22_000
    assert page.get(reverse("api:connector-detail", args=[connector.pk])).json()["max_power_w"] == 22_000


def test_values_that_are_not_understood_are_shown_as_sent(page, book):
    pk = book.start(meter=1000).session.pk
    for minute, wh, more in (
        (5, "1500", {}),
        (6, "1.6", {"unit": "Joule"}),
        (7, "<n/a>", {}),
        (8, "7", {"phase": "L9"}),
    ):
        book.sample(minute, wh, transaction=pk, **more)
    text = text_of(page, book.only())
    for words in ("Register 1.6 Joule", "Register &lt;n/a&gt;", "Register L9 7"):
        assert words in text
    assert "Register 1500" not in text


def test_the_stations_page_names_ends_that_do_not_count(page, book):
    pk = book.start(0).session.pk
    book.stop(pk, 60)
    book.stop(pk, 70, meter=9000)
    text = page.get(book.station.get_absolute_url()).content.decode()
    assert f'<a href="{book.only().get_absolute_url()}">Session {pk}</a>: 9,000 Wh, 01 Mar 2026' in text
    assert "ended at 2026" not in text
