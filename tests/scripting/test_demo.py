"""load_demo: plausible, consistent, the same again at the second time."""

from itertools import groupby, pairwise

import pytest
from django.db.models import Sum

from accounts.models import Team, User
from chargers.demo import DEMO_STATIONS
from chargers.models import ChargingStation, Connector, Tag
from chargers.services import hand_over_station
from cpms.portal import demo
from sessions.models import ChargingSession, MeterReading, TeamPower


@pytest.fixture
def loaded(manage):
    return manage("load_demo", "--even-in-production", "--json").json


def test_people_can_log_in_with_what_it_prints(loaded, client):
    for login in loaded["logins"]:
        assert client.login(username=login["email"], password=login["password"])
    assert User.objects.get(email="support@nordlys.example").is_staff
    assert not User.objects.get(email="admin@nordlys.example").is_staff


def test_a_second_time_changes_nothing_that_stations_reported(loaded, manage):
    Connector.objects.update(status="Charging")
    ChargingStation.objects.update(vendor="Another")
    counts = [model.objects.count() for model in (User, ChargingStation, Connector, Tag, ChargingSession, MeterReading)]
    again = manage("load_demo", "--even-in-production", "--json").json
    assert (again["stations"], again["sessions"]) == (0, 0)
    assert counts == [
        model.objects.count() for model in (User, ChargingStation, Connector, Tag, ChargingSession, MeterReading)
    ]
    assert not Connector.objects.exclude(status="Charging").exists()
    assert not ChargingStation.objects.exclude(vendor="Another").exists()


def test_what_a_visitor_handed_over_stays_where_it_is(loaded, manage):
    """Vi8: the next start sets its password there."""
    station, other = ChargingStation.objects.get(identity="KITA-SUED-02"), Team.objects.get(handle="fjordby")
    hand_over_station(station=station, team=other)
    ChargingStation.objects.filter(identity="KITA-SUED-02").update(password=b"forgotten")
    assert manage("load_demo", "--even-in-production", "--json").json["stations"] == 0
    again = ChargingStation.objects.get(identity="KITA-SUED-02")
    assert again.team == other and again.has_password and bytes(again.password) != b"forgotten"


def test_stations_are_those_of_the_simulator(loaded):
    stations = {station.identity: station for station in ChargingStation.objects.all()}
    assert stations.keys() == {one.identity for one in DEMO_STATIONS}
    assert all(stations[one.identity].password == one.password.encode() for one in DEMO_STATIONS)
    assert Tag.objects.filter(status="blocked").count() == 1


def test_registers_go_on_from_session_to_session_and_none_overlap(loaded):
    sessions = ChargingSession.objects.order_by("station", "connector_number", "started_at")
    assert sessions.count() > 200
    for _connector, life in groupby(sessions, lambda session: (session.station_id, session.connector_number)):
        life = list(life)
        for one, following in pairwise(life):
            assert one.meter_stop_wh == following.meter_start_wh
            assert one.stopped_at < following.started_at
        assert all(session.energy_wh == session.meter_stop_wh - session.meter_start_wh > 0 for session in life)


def test_the_newest_sessions_have_curves_that_end_at_their_registers(loaded):
    with_curves = ChargingSession.objects.filter(sample_count__gt=0)
    assert with_curves.count() == demo.WITH_READINGS
    for session in with_curves:
        readings = list(session.readings.order_by("at"))
        assert session.sample_count == sum(len(reading.values) for reading in readings)
        assert abs(readings[-1].energy_wh - session.meter_stop_wh) <= 1
        assert [reading.energy_wh for reading in readings] == sorted(reading.energy_wh for reading in readings)
        assert session.started_at < readings[0].at <= readings[-1].at < session.stopped_at
    assert TeamPower.objects.count() == 2 * 24 * 60
    assert TeamPower.objects.aggregate(total=Sum("power_w"))["total"] > 0


def test_known_passwords_do_not_get_into_production_by_accident(manage, settings):
    settings.IS_PRODUCTION = True
    outcome = manage("load_demo", "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert not User.objects.exists()
