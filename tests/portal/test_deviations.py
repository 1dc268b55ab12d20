"""Which station, and which model, does not keep to the protocol (B15)."""

import pytest
from django.urls import reverse

from tests import factories
from tests.portal.test_lists import rows_of, sheet

LIST, BY_MODEL = reverse("maintenance:deviation_list"), reverse("maintenance:deviation_models")


@pytest.fixture
def of_two_models(team):
    """Two stations of one model with the same deviation, one of another."""
    rows = []
    for model, what in (("AC", "status: enum"), ("AC", "status: enum"), ("DC", "?: additionalProperties")):
        station = factories.StationFactory(team=team, vendor="Maker", model=model)
        rows.append(factories.DeviationFactory(station=station, what=what, count=1000))
    rows[2].code = ""
    rows[2].action = "Heartbeat"
    rows[2].save()
    return rows


def test_they_are_found_by_station_model_action_and_answer(page, of_two_models):
    first, second, third = of_two_models
    assert rows_of(page.get(LIST, {"q": first.station.identity})) == [first]
    assert rows_of(page.get(LIST, {"vendor": "maker", "model": "dc"})) == [third]
    assert rows_of(page.get(LIST, {"model": "C"})) == []
    assert rows_of(page.get(LIST, {"action": "heartbeat"})) == [third]
    assert rows_of(page.get(LIST, {"code": "tolerated"})) == [third]
    assert set(rows_of(page.get(LIST, {"code": "PropertyConstraintViolation"}))) == {first, second}


def test_it_says_the_rule_in_words(page, of_two_models):
    text = page.get(LIST).content.decode()
    assert "“status” has a value that is not in the specification" in text
    assert "A field of its own is not in the specification" in text
    assert "1,000" in text


def test_by_model_sums_up_stations_and_times(page, of_two_models):
    response = page.get(BY_MODEL)
    told = [(r["station__model"], r["stations"], r["kinds"], r["times"]) for r in rows_of(response)]
    assert told == [("AC", 2, 1, 2000), ("DC", 1, 1, 1000)]
    assert f"{LIST}?vendor=Maker&amp;model=AC" in response.content.decode()
    assert [r["station__model"] for r in rows_of(page.get(BY_MODEL, {"sort": "stations"}))] == ["DC", "AC"]
    assert [r["station__model"] for r in rows_of(page.get(BY_MODEL, {"code": "tolerated"}))] == ["DC"]


def test_by_model_asks_a_constant_number_of_queries(page, team, django_assert_max_num_queries):
    for number in range(15):
        station = factories.StationFactory(team=team, model=f"M{number}")
        factories.DeviationFactory(station=station)
    with django_assert_max_num_queries(10):
        assert len(rows_of(page.get(BY_MODEL))) == 15


@pytest.mark.parametrize(("url", "count"), [(LIST, 4), (BY_MODEL, 3)])
def test_both_are_exported(page, of_two_models, url, count):
    lines = sheet(page.get(url, {"export": "csv"}))
    assert len(lines) == count
    assert page.get(url, {"export": "xlsx"}).status_code == 200


def test_a_stations_page_shows_its_last_ones(page, of_two_models):
    first = of_two_models[0]
    text = page.get(first.station.get_absolute_url()).content.decode()
    assert "“status” has a value" in text and "1,000 times" in text
    assert f"{LIST}?q={first.station.identity}" in text
