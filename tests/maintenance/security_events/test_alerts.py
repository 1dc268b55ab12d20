"""Alerts are shown until they are acknowledged (T40)."""

import pytest
from django.urls import reverse

from maintenance.models import SecurityEvent
from tests import factories
from tests.cpms.common.test_lists import rows_of, sheet

LIST, ALL = reverse("maintenance:security_list"), reverse("maintenance:security_acknowledge_all")
BUTTON = "hx-post"


@pytest.fixture
def alert(station):
    return factories.SecurityEventFactory(station=station, is_critical=True, tech_info="lid <opened>")


@pytest.fixture
def harmless(station):
    return factories.SecurityEventFactory(station=station, type="InvalidMessages")


def test_they_are_found_by_station_and_state(page, alert, harmless, operator):
    done = factories.SecurityEventFactory(
        station__team=alert.station.team, is_critical=True, acknowledged_at=alert.at, acknowledged_by=operator
    )
    assert rows_of(page.get(LIST)) == [done, harmless, alert]
    assert rows_of(page.get(LIST, {"state": "open"})) == [alert]
    assert rows_of(page.get(LIST, {"state": "critical"})) == [done, alert]
    assert rows_of(page.get(LIST, {"state": "other"})) == [harmless]
    assert rows_of(page.get(LIST, {"q": done.station.identity})) == [done]
    assert rows_of(page.get(LIST, {"type": "invalidmessages"})) == [harmless]
    assert str(operator) in page.get(LIST, {"state": "critical"}).content.decode()


def test_an_operator_acknowledges_one(page, alert, harmless, operator):
    url = reverse("maintenance:security_acknowledge", args=[alert.pk])
    text = page.get(LIST).content.decode()
    assert url in text and "lid &lt;opened&gt;" in text
    response = page.post(url, headers={"HX-Request": "true"})
    assert response.status_code == 204 and '"news"' in response["HX-Trigger"]
    alert.refresh_from_db()
    assert alert.acknowledged_by == operator
    assert url not in page.get(LIST).content.decode()


def test_all_are_those_the_page_showed(page, alert):
    assert f'value="{alert.pk}"' in page.get(LIST).content.decode()
    newer = factories.SecurityEventFactory(station=alert.station, is_critical=True)
    assert page.post(ALL, {"until": alert.pk}, follow=True).status_code == 200
    assert list(SecurityEvent.objects.alerts()) == [newer]


def test_all_of_a_station_are_those_of_that_station(page, alert):
    other = factories.SecurityEventFactory(station__team=alert.station.team, is_critical=True)
    page.post(ALL, {"station": alert.station_id, "until": other.pk})
    assert list(SecurityEvent.objects.alerts()) == [other]


@pytest.mark.parametrize("nonsense", ["x", "-1", "9" * 30, ""])
def test_nonsense_in_the_form_is_no_error(page, alert, nonsense):
    assert page.post(ALL, {"station": nonsense, "until": nonsense}).status_code == 302


def test_a_viewer_sees_the_alert_and_no_button(as_person, viewer, alert):
    browser = as_person(viewer)
    for url in (LIST, alert.station.get_absolute_url()):
        text = browser.get(url).content.decode()
        assert "Tampering detected at the station" in text and "security/acknowledge" not in text


def test_a_strangers_all_are_his_own(as_person, stranger, alert):
    as_person(stranger).post(ALL, {"until": alert.pk})
    assert SecurityEvent.objects.alerts().get() == alert


def test_the_stations_page_shows_it_until_then(page, alert, harmless):
    url = alert.station.get_absolute_url()
    text = page.get(url).content.decode()
    assert "Tampering detected at the station" in text and "invalid messages" not in text
    assert ALL in text
    page.post(ALL, {"station": alert.station_id, "until": alert.pk})
    assert "Tampering detected" not in page.get(url).content.decode()


def test_the_dashboard_shows_it_first(page, alert, as_person, stranger):
    issue = page.get("/").context["issues"][0]
    assert (issue.subject, issue.text) == (alert.station.identity, "Tampering detected at the station")
    assert "state=open" in issue.url
    factories.SecurityEventFactory(station=alert.station, is_critical=True)
    assert page.get("/").context["issues"][0].text == "2 critical events"
    factories.StationFactory(team=stranger.teams.get())
    assert as_person(stranger).get("/").context["issues"] == []


def test_it_is_exported(page, alert):
    head, line = sheet(page.get(LIST, {"export": "csv"}))
    assert dict(zip(head, line, strict=True))["Meaning"] == "Tampering detected at the station"


def test_a_program_finds_and_acknowledges_alerts(api, operator, viewer, alert, harmless):
    client = api(operator)
    query = {"is_critical": "true", "is_acknowledged": "false"}
    (found,) = client.get("/api/v1/security-events/", query).json()["results"]
    assert (found["id"], found["acknowledged_by"]) == (alert.pk, None)
    assert api(viewer).post(f"/api/v1/security-events/{alert.pk}/acknowledge/").status_code == 403
    body = client.post(f"/api/v1/security-events/{alert.pk}/acknowledge/").json()
    assert body["acknowledged_by"] == operator.email and body["acknowledged_at"]
    assert client.post(f"/api/v1/security-events/{alert.pk}/acknowledge/").json() == body
    assert client.get("/api/v1/security-events/", query).json()["results"] == []
