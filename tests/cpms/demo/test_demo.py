"""load_demo: data is plausible and consistent, and a second run changes nothing."""

import io
import json
from datetime import timedelta
from itertools import groupby, pairwise

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AuditEntry, Grant, Invitation, Team, User
from chargers.demo.park import DEMO_STATIONS, DEMO_TEAM
from chargers.models import ChargingStation, Connector, Installation, StationGroup, Tag
from chargers.onboarding.services.handover import hand_over_station
from cpms.demo.sessions import LATE_CARD, LOST_STATION, SessionHistory
from maintenance.models import AlarmMail, Deviation, Message, Notification, RefusedConnection, SecurityEvent
from maintenance.notifications.services.alarms import write_security_mails
from maintenance.notifications.services.notifications import notify
from ocpp_gateway.simulator.fleet import MIN_CHARGING, demo_plans
from operations.models import Command
from sessions.models import ChargingSession, MeterReading, TeamPower
from tests.world import check_rows_now, rolled_back

MODELS = (
    User, ChargingStation, Connector, Tag, ChargingSession, MeterReading, TeamPower, AuditEntry, Installation, Grant,
    Invitation, StationGroup, RefusedConnection, Deviation, SecurityEvent, Notification, Command, Message,
)  # fmt: skip


@pytest.fixture(scope="module")
def loaded_once(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), rolled_back():
        output = io.StringIO()
        call_command("load_demo", "--even-in-production", "--json", stdout=output)
        check_rows_now()
        yield json.loads(output.getvalue())


@pytest.fixture
def loaded(loaded_once, db):
    return loaded_once


def test_people_can_log_in_with_what_it_prints(loaded, client):
    for login in loaded["logins"]:
        assert client.login(username=login["email"], password=login["password"])
    assert User.objects.get(email="support@nordlys.example").is_staff
    assert not User.objects.get(email="admin@nordlys.example").is_staff


def test_a_second_time_changes_nothing_that_stations_reported(loaded, manage):
    Connector.objects.update(status="Charging")
    ChargingStation.objects.update(vendor="Another")
    counts = [model.objects.count() for model in MODELS]
    again = manage("load_demo", "--even-in-production", "--json").json
    assert (again["stations"], again["sessions"]) == (0, 0)
    assert counts == [model.objects.count() for model in MODELS]
    assert not Connector.objects.exclude(status="Charging").exists()
    assert not ChargingStation.objects.exclude(vendor="Another").exists()


def test_what_a_visitor_handed_over_stays_where_it_is(loaded, manage):
    """Vi8: the next start sets its password there."""
    charging = ChargingSession.objects.filter(stopped_at=None).values("station")  # it depends on the time of day
    station = ChargingStation.objects.filter(team__handle=DEMO_TEAM).exclude(pk__in=charging).first()
    other, identity = Team.objects.get(handle="fjordby"), station.identity
    hand_over_station(station=station, team=other)
    ChargingStation.objects.filter(identity=identity).update(password=b"forgotten")
    assert manage("load_demo", "--even-in-production", "--json").json["stations"] == 0
    again = ChargingStation.objects.get(identity=identity)
    assert again.team == other and again.has_password and bytes(again.password) != b"forgotten"


def test_stations_are_those_of_the_simulator(loaded):
    stations = {station.identity: station for station in ChargingStation.objects.exclude(team=None)}
    assert stations.keys() == {one.identity for one in DEMO_STATIONS}
    assert all(stations[one.identity].password == one.password.encode() for one in DEMO_STATIONS)
    assert Tag.objects.filter(status="blocked").count() == 1


def test_registers_go_on_from_session_to_session_and_none_overlap(loaded):
    sessions = ChargingSession.objects.order_by("station", "connector_number", "started_at")
    assert 1_000 < sessions.count() < 4_000
    gaps = []
    for _connector, life in groupby(sessions, lambda session: (session.station_id, session.connector_number)):
        life = list(life)
        for one, following in pairwise(life):
            if one.meter_stop_wh != following.meter_start_wh:
                gaps.append((one.station.identity, following.meter_start_wh - one.meter_stop_wh))
            assert one.stopped_at < following.started_at
        ended = [session for session in life if session.stopped_at]
        assert all(session.energy_wh == session.meter_stop_wh - session.meter_start_wh > 0 for session in ended)
    [(identity, missing_wh)] = gaps  # the gap of the lost session
    assert identity == LOST_STATION and missing_wh > 1_000
    by_tag = ChargingSession.objects.exclude(tag=None).order_by("tag", "started_at")
    for _tag, spans in groupby(by_tag, lambda session: session.tag_id):
        assert all(one.stopped_at < following.started_at for one, following in pairwise(spans))


def test_the_newest_sessions_have_curves_that_end_at_their_registers(loaded):
    ended = ChargingSession.objects.filter(stopped_at__gt=timezone.now() - timedelta(hours=47))
    assert ended.count() > 20
    for session in ended:
        readings = list(session.readings.order_by("at"))
        assert session.sample_count == sum(len(reading.values) for reading in readings) > 0
        assert abs(readings[-1].energy_wh - session.meter_stop_wh) <= 1
        assert [reading.energy_wh for reading in readings] == sorted(reading.energy_wh for reading in readings)
        assert session.started_at < readings[0].at <= readings[-1].at < session.stopped_at


def test_the_power_curve_runs_until_now_and_is_that_of_the_sessions(loaded):
    rows = list(TeamPower.objects.filter(team__handle="nordlys").order_by("at"))
    assert len(rows) == 2 * 24 * 60 and sum(row.power_w for row in rows) > 0
    assert timezone.now() - rows[-1].at < timedelta(minutes=2)
    running = ChargingSession.objects.open().filter(team__handle="nordlys")
    assert abs(rows[-1].power_w - sum(session.power_w or 0 for session in running)) <= 0.1 * rows[-1].power_w + 100
    assert all(one.session_count or not one.power_w for one in rows)
    steps = [following.power_w - one.power_w for one, following in pairwise(rows)]
    assert max(map(abs, steps)) < 130_000  # two of the most powerful vehicles starting in the same minute


def test_simulated_stations_continue_the_history(loaded):
    """The simulator continues existing sessions, registers and faults, without a jump at the start."""
    plans = {plan.identity: plan for plan in demo_plans()}
    for session in ChargingSession.objects.open().select_related("station"):
        running = plans[session.station.identity].running[session.connector_number]
        assert (running.transaction_id, running.id_tag) == (session.pk, session.id_tag)
        assert plans[session.station.identity].meter_wh[session.connector_number] == session.last_register_wh
        if session.energy_wh and (session.power_w or 0) > 500:
            assert running.vehicle.power_w(0.0, 1e6) == pytest.approx(session.power_w, rel=0.02)
    assert plans["HAFEN-P3-01"].faulted == {2: ("GroundFailure", None)}
    assert "LAGER-W-12" not in plans
    soon = sum(len(plan.first_pause_seconds) for plan in plans.values())
    assert soon == max(0, MIN_CHARGING - ChargingSession.objects.open().count())


def test_the_history_is_in_order_and_people_made_it(loaded):
    entries = list(AuditEntry.objects.filter(team__handle="nordlys").order_by("pk"))
    assert len(entries) > 60 and all(one.timestamp <= later.timestamp for one, later in pairwise(entries))
    assert {entry.actor_email for entry in entries} >= {"admin@nordlys.example", "operator@nordlys.example"}
    for model in (Message, Notification, SecurityEvent, Command):
        field = {Message: "received_at", Notification: "created_at", SecurityEvent: "at", Command: "requested_at"}[
            model
        ]
        rows = model.objects.exclude(kind="grant") if model is Notification else model.objects.all()
        times = list(rows.order_by("pk").values_list(field, flat=True))
        assert times and times == sorted(times), model


def test_a_card_that_was_refused_was_added_and_charges_since(loaded):
    sessions = ChargingSession.objects.filter(id_tag=LATE_CARD).order_by("started_at")
    first, *later = sessions
    added_at = Tag.objects.get(value=LATE_CARD).created_at
    assert (first.authorization, first.is_billable, first.tag) == ("Invalid", False, None)
    assert first.started_at < added_at
    assert any(one.authorization == "Accepted" and one.is_billable and one.started_at > added_at for one in later)
    unknown = ChargingSession.objects.filter(id_tag="DEADBEEF")
    assert unknown.exists() and not unknown.filter(is_billable=True).exists()


def test_notified_events_are_not_notified_again(loaded):
    """The sweep finds neither the fault, nor the alert, nor the offline station, nor the grants."""
    before = Notification.objects.count()
    assert notify() == 0 and Notification.objects.count() == before
    assert AlarmMail.objects.count() == 0 and write_security_mails() == 0


def test_an_older_demo_gets_new_independent_parts(loaded, manage):
    """Missing parts are added; the history of sessions stays unchanged."""
    RefusedConnection.objects.all().delete()
    StationGroup.objects.all().delete()
    Message.objects.all().delete()
    manage("load_demo", "--even-in-production", "--json")
    assert RefusedConnection.objects.exists() and StationGroup.objects.exists()
    assert not Message.objects.exists()


def test_known_passwords_do_not_get_into_production_by_accident(manage, settings):
    settings.IS_PRODUCTION = True
    before = User.objects.count()
    outcome = manage("load_demo", "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert User.objects.count() == before


@pytest.mark.parametrize("hour", range(0, 24, 2))
def test_the_demo_always_has_an_active_session(loaded, hour):
    """Otherwise pages of active sessions would be empty when the demo is started at night."""
    teams = {team.handle: team for team in Team.objects.all()}
    now = timezone.now().replace(hour=hour, minute=7)
    charges = list(SessionHistory(teams, list(Tag.objects.all()), now).charges())
    running = [one for one in charges if one.session.stopped_at is None and one.station.team == DEMO_TEAM]
    assert running
    by_outlet = sorted(
        charges, key=lambda one: (one.session.station_id, one.session.connector_number, one.session.started_at)
    )
    for one, two in pairwise(by_outlet):
        if (one.session.station_id, one.session.connector_number) == (
            two.session.station_id,
            two.session.connector_number,
        ):
            assert one.session.stopped_at is not None and one.session.stopped_at < two.session.started_at
            assert one.session.last_register_wh <= two.session.meter_start_wh
