"""The dashboard: real figures, days in the user's time zone, problems first, few queries (W27, P3)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from cpms.portal.dashboard.figures import figures
from tests import factories
from tests.cpms.common.test_lists import rows_of

URL = reverse("portal:dashboard")
NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


def test_a_new_account_is_told_how_to_begin(as_person, administrator):
    """V12."""
    text = as_person(administrator).get(URL).content.decode()
    assert "No stations yet" in text
    assert reverse("chargers:station_add") in text


def test_somebody_without_a_team_is_told_whom_to_ask(as_person, db):
    assert "You are not in a team yet" in as_person(factories.UserFactory()).get(URL).content.decode()


def test_counts_stations_and_connectors_by_what_is_known(operator, team, other_team, online, offline):
    """W31, V3, V4."""
    online(team)
    online(team, status="Charging")
    online(team, status="Faulted")
    online(team, status="Unavailable")
    offline(team, status="Charging")
    factories.StationFactory(team=team)
    online(other_team)
    totals = figures(operator)
    assert (totals.stations, totals.online, totals.offline, totals.unknown) == (6, 4, 1, 1)
    assert {tile.state: tile.count for tile in totals.tiles} == {
        "available": 1, "occupied": 1, "faulted": 1, "inoperative": 1, "unknown": 1,
    }  # fmt: skip
    assert sum(part.percent for part in totals.parts) == pytest.approx(100)


def test_each_tile_leads_to_as_many_rows_as_it_counts(page, operator, team, online, offline):
    """V3."""
    online(team)
    online(team)
    offline(team)
    for tile in figures(operator).tiles:
        assert page.get(tile.url).context["paginator"].count == tile.count


def test_a_silent_gateway_makes_its_stations_unknown(operator, team, online, node):
    online(team)
    node.alive_at = timezone.now() - timedelta(minutes=1)
    node.save()
    assert figures(operator).unknown == 1


@time_machine.travel(NOON, tick=False)
def test_today_begins_at_midnight_of_the_persons_zone(operator, station):
    """V8."""
    with timezone.override("Europe/Berlin"):
        midnight = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
        factories.SessionFactory(station=station, finished=True, started_at=midnight - timedelta(seconds=1))
        factories.SessionFactory(station=station, finished=True, started_at=midnight)
        totals = figures(operator)
    assert (totals.sessions_today, totals.energy_today_wh) == (1, 7000)


@time_machine.travel(NOON, tick=False)
def test_power_is_that_of_running_sessions_with_fresh_readings(operator, station):
    """W33."""
    factories.SessionFactory(station=station, power_w=11_000, last_sample_at=NOON)
    factories.SessionFactory(
        station=station, connector_number=2, power_w=7_000, last_sample_at=NOON - timedelta(hours=1)
    )
    totals = figures(operator)
    assert (totals.charging, totals.power_w) == (2, 11_000)


def test_nothing_measured_is_not_zero(operator, session):
    assert figures(operator).power_w is None


@time_machine.travel(NOON, tick=False)
def test_sessions_per_day_of_the_last_week_and_of_a_period(page, station):
    """W32."""
    for days in (0, 0, 1, 6, 7, 40):
        factories.SessionFactory(station=station, finished=True, started_at=NOON - timedelta(days=days))
    url = reverse("portal:dashboard_sessions")
    week = page.get(url).json()
    assert week["values"] == [1, 0, 0, 0, 0, 1, 2]
    assert week["open"] is True
    period = page.get(url, {"from": "2026-10-12", "to": "2026-10-13"}).json()
    assert period["values"] == [1, 0]
    assert period["open"] is False
    assert len(page.get(url, {"from": "2026-07-15", "to": "2026-10-15"}).json()["values"]) == 93


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    ("period", "sentence"),
    [
        ({"from": "2026-07-14", "to": "2026-10-15"}, "Choose at most 93 days."),
        ({"from": "2026-10-13", "to": "2026-10-12"}, "The end of the period is before its start."),
        ({"from": "2026-10-13", "to": "9999-12-31"}, "Choose today or an earlier day."),
        ({"from": "0002-10-13", "to": "2026-10-12"}, "Choose a day after the year 1999."),
        ({"from": "nonsense"}, "Enter a date as YYYY-MM-DD."),
    ],
    ids=["too long", "reversed", "future", "mistyped year", "no day"],
)
def test_a_period_that_cannot_be_shown_is_said_and_not_changed(page, period, sentence):
    answer = page.get(reverse("portal:dashboard_sessions"), period)
    assert answer.status_code == 400 and sentence in answer.json()["error"]


@pytest.mark.parametrize("day", ["9999-12-31", "nonsense", "0001-01-01"])
def test_a_day_without_power_is_refused_with_a_sentence(page, day):
    answer = page.get(reverse("portal:dashboard_power"), {"day": day})
    assert answer.status_code == 400 and answer.json()["error"]


@time_machine.travel(NOON, tick=False)
def test_power_of_a_day_is_summed_over_teams_and_has_gaps(as_person, staff, team, other_team):
    """W36."""
    for minute in (0, 1, 30):
        factories.TeamPowerFactory(team=team, at=NOON - timedelta(minutes=minute), power_w=1000)
    factories.TeamPowerFactory(team=other_team, at=NOON, power_w=500)
    body = as_person(staff).get(reverse("portal:dashboard_power")).json()
    values = [value for _at, value in body["series"][0]["points"]]
    assert values == [1.0, None, 1.0, 1.5]
    assert body["to"] - body["from"] == 24 * 3600 * 1000


def test_what_is_wrong_is_listed_with_its_page(as_person, staff, team, online, offline):
    broken = online(team, status="Faulted")
    gone = offline(team)
    odd = factories.SessionFactory(station=broken, started_at=timezone.now(), flags=["clock"], has_flags=True)
    factories.RefusedConnectionFactory(station=gone)
    factories.InboxEntryFactory(message=factories.MessageFactory(station=broken), failed=True)
    response = as_person(staff).get(URL)
    values = {issue.label: issue for issue in response.context["issues"]}
    assert list(values) == ["Faulted", "Offline", "Review", "Refused", "Inbox"]
    assert values["Faulted"].url == broken.get_absolute_url()
    assert values["Offline"].url == gone.get_absolute_url()
    assert values["Review"].url == odd.get_absolute_url()


def test_one_refused_card_is_one_row_with_a_count(page, team, online):
    station, now = online(team), timezone.now()
    for hours in range(5):
        factories.SessionFactory(
            station=station,
            finished=True,
            id_tag="lost1" if hours % 2 else "LOST1",
            started_at=now - timedelta(hours=hours + 2),
            flags=["unauthorised"],
            has_flags=True,
        )
    other = factories.SessionFactory(
        station=station, finished=True, started_at=now - timedelta(hours=9), flags=["clock"], has_flags=True
    )
    card, alone = page.get(URL).context["issues"]
    assert (card.subject, card.text) == ("Tag LOST1", f"5 sessions at {station.identity}")
    assert (card.at, card.since) == (now - timedelta(hours=2), now - timedelta(hours=6))
    assert len(rows_of(page.get(card.url))) == 5
    assert alone.url == other.get_absolute_url() and alone.since is None


def test_sessions_of_a_station_with_the_same_flaw_are_one_row(page, team, online):
    station, now = online(team), timezone.now()
    for hours in (2, 3):
        factories.SessionFactory(
            station=station, finished=True, started_at=now - timedelta(hours=hours), flags=["clock"], has_flags=True
        )
    [issue] = page.get(URL).context["issues"]
    assert (issue.subject, issue.text) == (station.identity, "2 sessions")
    assert len(rows_of(page.get(issue.url))) == 2


def test_refusals_of_a_station_are_one_row_with_their_sum(page, team, online):
    station, now = online(team), timezone.now()
    for hours, count in ((1, 7), (3, 5)):
        at = now - timedelta(hours=hours)
        factories.RefusedConnectionFactory(station=station, count=count, hour=at, first_at=at, last_at=at)
    [issue] = page.get(URL).context["issues"]
    assert (issue.subject, issue.note) == (station.identity, "12 times")
    assert (issue.at, issue.since) == (now - timedelta(hours=1), now - timedelta(hours=3))


def test_connectors_of_a_station_with_the_same_fault_are_one_row(page, team, online):
    station = online(team, status="Faulted")
    factories.ConnectorFactory(
        station=station, number=2, status="Faulted", error_code=station.connectors.get().error_code
    )
    [issue] = page.get(URL).context["issues"]
    assert (issue.subject, issue.text) == (station.identity, "connectors 1, 2")


def test_an_installation_that_is_away_is_one_row(page, team, offline):
    place = factories.InstallationFactory(team=team, name="Harbour hall")
    for _number in range(4):
        station = offline(team)
        station.installation = place
        station.save()
    alone = offline(team)
    values = {issue.subject: issue.text for issue in page.get(URL).context["issues"]}
    assert values == {"Harbour hall": "4 stations are offline", alone.identity: alone.name}


def test_the_inbox_is_for_support_staff(page, team, online):
    factories.InboxEntryFactory(message=factories.MessageFactory(station=online(team)), failed=True)
    assert page.get(URL).context["issues"] == []


def test_query_count_does_not_grow_with_the_park(page, team, online, offline, django_assert_max_num_queries):
    for _n in range(12):
        station = online(team, status="Charging")
        factories.SessionFactory(station=station)
        offline(team)
    with django_assert_max_num_queries(20):
        page.get(URL)
    with django_assert_max_num_queries(17):
        page.get(reverse("portal:dashboard_live"))
