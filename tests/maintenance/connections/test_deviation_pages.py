"""Pages of protocol violations, by station and by model (B15)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chargers.protocols import protocol_named
from maintenance.connections.labels import FIELD_RULES, Violation, of_row, treatment_of
from tests import factories
from tests.cpms.common.test_lists import rows_of, sheet

LIST, BY_MODEL = reverse("maintenance:deviation_list"), reverse("maintenance:deviation_models")
MODEL = reverse("maintenance:deviation_model")
V16 = protocol_named("1.6")


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


def test_violations_are_found_by_station_model_action_and_answer(page, of_two_models):
    first, second, third = of_two_models
    assert rows_of(page.get(LIST, {"q": first.station.identity})) == [first]
    assert rows_of(page.get(LIST, {"vendor": "maker", "model": "dc"})) == [third]
    assert rows_of(page.get(LIST, {"model": "C"})) == []
    assert rows_of(page.get(LIST, {"action": "heartbeat"})) == [third]
    assert rows_of(page.get(LIST, {"code": "tolerated"})) == [third]
    assert set(rows_of(page.get(LIST, {"code": "PropertyConstraintViolation"}))) == {first, second}


def test_it_says_the_rule_in_words(page, of_two_models):
    text = page.get(LIST).content.decode()
    assert "Field “status” has a value that is not defined in OCPP 1.6" in text
    assert "A proprietary field is not defined in OCPP 1.6" in text
    assert "1,000" in text


def test_by_model_sums_up_stations_and_times(page, of_two_models):
    response = page.get(BY_MODEL)
    rows = [(r["station__model"], r["stations"], r["kinds"], r["times"]) for r in rows_of(response)]
    assert rows == [("AC", 2, 1, 2000), ("DC", 1, 1, 1000)]
    assert f"{MODEL}?vendor=Maker&amp;model=AC" in response.content.decode()
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
    assert "“status” has a value" in text and "1,000 times since" in text
    assert f"{LIST}?q={first.station.identity}" in text


# --- sentences and reports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "code", "what", "expected"),
    [
        ("StopTransaction", "", "reason: enum", "we read it as “Other” and keep the word"),
        ("StatusNotification", "", "errorCode: enum", "we read it as “OtherError” and keep the word"),
        ("StatusNotification", "", "status: enum", "we read it as the closest status, if there is one"),
        ("FirmwareStatusNotification", "", "status: enum", "we keep it as sent"),
        ("MeterValues", "", "meterValue.sampledValue.unit: enum", "never count it as energy"),
        ("StopTransaction", "", "transactionData.sampledValue.measurand: enum", "never count it as energy"),
        ("MeterValues", "", "meterValue.sampledValue.phase: enum", "we keep it as sent"),
        ("StatusNotification", "", "info: maxLength", "we keep it in full"),
        ("StartTransaction", "", "idTag: maxLength", "treat the tag as invalid"),
        ("Heartbeat", "", "?: additionalProperties", "we ignore the field and keep it in the log"),
        ("BootNotification", "", "chargePointModel: type", "we convert the value if that is exact"),
        ("StopTransaction", "", "meterStop: fraction", "we round it half up to whole Wh and keep the exact value"),
        ("StopTransaction", "", "meterStop: required", "we use the nearest meter reading"),
        ("StartTransaction", "", "meterStart: required", "we use the nearest meter reading"),
        ("StopTransaction", "", "timestamp: required", "we use the time of arrival"),
        ("MeterValues", "", "meterValue.timestamp: format", "we use the time of arrival"),
        ("StopTransaction", "", "transactionId: range", "we find the session by connector, tag, meter and time"),
        ("StopTransaction", "", "transactionId: unknown", "we keep the end as a session of its own"),
        ("StartTransaction", "", "timestamp: clock", "we use the time of arrival and show the station's time"),
        ("StatusNotification", "", "payload: characters", "we replace these characters in what we store"),
        ("StatusNotification", "", "boot: missing", "we serve the station and ask it to send its boot message"),
        ("", "", "path: slashes", "we accept the connection"),
        ("GetConfiguration", "", "answer.configurationKey.value: type", "we keep it as sent"),
        ("Authorize", "OccurenceConstraintViolation", "idTag: required",
         "we refuse the message with OccurenceConstraintViolation"),
    ],
)  # fmt: skip
def test_it_says_what_we_do_about_each_rule(action, code, what, expected):
    assert expected in treatment_of(V16, action, code, what)


@pytest.mark.parametrize("keyword", FIELD_RULES)
def test_every_rule_has_a_sentence(keyword):
    now = timezone.now()
    for what in (f"status: {keyword}", f"answer.status: {keyword}"):
        violation = Violation(V16, "StatusNotification", "", what, 1, now, now)
        assert f"field “status” {FIELD_RULES[keyword] % {'version': 'OCPP 1.6'}}; " in violation.sentence
        assert violation.treatment.startswith("we ")


def test_the_sentence_for_the_manufacturer_is_complete(station):
    at = datetime(2026, 11, 3, 12, tzinfo=UTC)
    row = factories.DeviationFactory(
        station=station, action="StopTransaction", code="", what="reason: enum", count=1214, first_at=at,
        last_at=at + timedelta(days=24),
    )  # fmt: skip
    assert of_row(row).sentence == (
        "StopTransaction: field “reason” has a value that is not defined in OCPP 1.6; we read it as “Other” and keep "
        "the word. 1,214 times since 03 Nov 2026, last on 27 Nov 2026."
    )


def test_a_shared_row_of_further_rules_says_so(station):
    row = factories.DeviationFactory(station=station, action="", code="", what="")
    assert of_row(row).sentence.startswith("Further violations, counted together. 1 time since")


def test_a_wrong_answer_of_a_station_is_described_as_answer(station):
    row = factories.DeviationFactory(station=station, action="Reset", code="", what="answer.status: enum")
    assert of_row(row).deviation == (
        "Reset: in the response, field “status” has a value that is not defined in OCPP 1.6"
    )


def test_a_stations_page_has_a_report_of_all_rules(page, station):
    station.vendor, station.model, station.firmware_version = "Maker <i>", "AC & Co", "1.2"
    station.save()
    for number in range(8):
        factories.DeviationFactory(station=station, code="", what=f"field{number}: maxLength")
    response = page.get(station.get_absolute_url())
    report = response.context["report"]
    assert report.splitlines()[:4] == [
        "Protocol violations (OCPP 1.6)", f"Station: {station.identity}", "Model: Maker <i> AC & Co", "Firmware: 1.2",
    ]  # fmt: skip
    text = response.content.decode()
    assert "3 more rules in the report" in text
    for number in range(8):
        assert f"field “field{number}” is longer than OCPP 1.6 allows; we keep it in full. 1 time since" in report
    assert "Maker &lt;i&gt; AC &amp; Co" in text and "Maker <i>" not in text
    assert f"{MODEL}?vendor=Maker+%3Ci%3E&amp;model=AC+%26+Co" in text


def test_a_stations_page_asks_no_more_for_more_rules(page, station, django_assert_max_num_queries):
    factories.DeviationFactory(station=station)
    with CaptureQueriesContext(connection) as few:
        page.get(station.get_absolute_url())
    factories.DeviationFactory.create_batch(30, station=station)
    with django_assert_max_num_queries(len(few)):
        page.get(station.get_absolute_url())


def test_a_models_page_sums_up_its_stations(page, of_two_models):
    response = page.get(MODEL, {"vendor": "Maker", "model": "AC"})
    text = response.content.decode()
    assert "2,000 times at 2 stations since" in text
    assert "field “status” has a value that is not defined in OCPP 1.6" in text
    assert "we refuse the message with PropertyConstraintViolation" in text
    assert "not defined in OCPP 1.6; we ignore" not in text  # a violation of the other model
    report = response.context["report"]
    assert "Model: Maker AC\nStations: 2\n" in report
    assert "1. StatusNotification: field “status”" in report
    assert f"{LIST}?vendor=Maker&amp;model=AC" in text


def test_a_models_page_is_about_stations_one_is_shown(page, as_person, of_two_models, other_team, stranger, viewer):
    """Stations of other teams with the same model are not counted and give no access to the page."""
    foreign = factories.StationFactory(team=other_team, vendor="Maker", model="AC")
    factories.DeviationFactory(station=foreign, what="info: maxLength", code="", count=7)
    text = page.get(MODEL, {"vendor": "Maker", "model": "AC"}).content.decode()
    assert "2 stations" in text and "“info”" not in text
    theirs = as_person(stranger).get(MODEL, {"vendor": "Maker", "model": "AC"}).content.decode()
    assert "7 times at 1 station since" in theirs and "“status”" not in theirs
    assert as_person(stranger).get(MODEL, {"vendor": "Maker", "model": "DC"}).status_code == 404


@pytest.mark.parametrize("asked", [{}, {"vendor": "Nobody"}, {"vendor": "Maker"}, {"vendor": "\0", "model": "AC"}])
def test_a_model_that_no_station_is_of_has_no_page(page, of_two_models, asked):
    assert page.get(MODEL, asked).status_code == 404


def test_a_model_without_violations_says_so(page, team):
    factories.StationFactory(team=team, vendor="Good", model="One")
    response = page.get(MODEL, {"vendor": "Good", "model": "One"})
    assert "No protocol violations" in response.content.decode()
    assert "violation-report" not in response.content.decode()


def test_a_models_page_asks_a_constant_number_of_queries(page, team, of_two_models, django_assert_max_num_queries):
    for number in range(15):
        station = factories.StationFactory(team=team, vendor="Maker", model="AC", firmware_version=f"1.{number}")
        factories.DeviationFactory.create_batch(3, station=station)
    with django_assert_max_num_queries(9):
        text = page.get(MODEL, {"vendor": "Maker", "model": "AC"}).content.decode()
    assert "17 stations" in text and "Firmware 1.0, 1.1, 1.10" in text


def test_a_file_says_what_we_do(page, of_two_models):
    lines = sheet(page.get(LIST, {"export": "csv"}))
    place = lines[0].index("Our handling")
    assert {line[place] for line in lines[1:]} == {
        "we refuse the message with PropertyConstraintViolation", "we ignore the field and keep it in the log",
    }  # fmt: skip


def test_a_message_that_deviates_says_so_and_leads_to_the_violations(page, station):
    read = factories.MessageFactory(station=station, action="StopTransaction", is_deviating=True)
    refused = factories.MessageFactory(station=station, is_deviating=True, error_code="FormationViolation")
    fits = factories.MessageFactory(station=station)

    def text_of(message):
        return page.get(reverse("maintenance:message_detail", args=[message.pk])).content.decode()

    assert "It was processed as far as possible" in text_of(read)
    assert f'href="{LIST}?q={station.identity}"' in text_of(read) and "OCPP 1.6" in text_of(read)
    assert "as far as possible" not in text_of(refused) + text_of(fits)
