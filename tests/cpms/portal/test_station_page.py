"""The page of a station: details, active sessions, commands and messages."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from chargers.models import ChargingStation
from cpms.common.web import charts
from maintenance.connections.labels import FIXES
from maintenance.models import RefusedConnection
from operations.commands.services.settling import take_next_command
from operations.models import Command
from tests import factories


def command_url(station, kind) -> str:
    return reverse("operations:station_command", args=[station.pk, kind])


def test_shows_what_charges_with_power_energy_and_phases(page, team, online, tag):
    station = online(team, status="Charging")
    now = timezone.now()
    session = factories.SessionFactory(
        station=station, tag=tag, id_tag=tag.value, power_w=10_840, energy_wh=860, last_sample_at=now, started_at=now
    )
    factories.ReadingFactory(session=session, at=now, current_ma={"L1": 15_700, "L2": 15_600, "L3": 15_700})
    text = page.get(station.get_absolute_url()).content.decode()
    assert ">10.8</span> <small>kW</small>" in text
    assert ">0.86</span> <small>kWh</small>" in text
    assert 'title="L1">15.7' in text
    assert session.get_absolute_url() in text


def test_power_of_long_ago_is_not_shown_as_if_it_were_now(page, team, online):
    station = online(team, status="Charging")
    long_ago = timezone.now() - timedelta(hours=1)
    factories.SessionFactory(station=station, power_w=10_840, last_sample_at=long_ago, started_at=long_ago)
    assert "10.8" not in page.get(station.get_absolute_url()).content.decode()


def test_each_connector_has_its_status_and_since_when(page, team, online):
    """W63."""
    station = online(team)
    at = timezone.now() - timedelta(minutes=7)
    station.connectors.all().delete()
    for number, status in ((1, "Available"), (2, "Faulted")):
        factories.ConnectorFactory(station=station, number=number, status=status, status_changed_at=at)
    text = page.get(station.get_absolute_url()).content.decode()
    for number, status in ((1, "Available"), (2, "Faulted")):
        part = text.partition(f'data-v="place-{number}"')[2].partition("</section>")[0]
        assert f"{status} since" in part and f'datetime="{at.isoformat(timespec="milliseconds")}"' in part


def test_every_part_has_its_id_in_the_live_answer(page, team, online):
    station = online(team)
    whole = page.get(station.get_absolute_url()).content.decode()
    live = page.get(reverse("chargers:station_live", args=[station.pk])).content.decode()
    for part in ("station-facts", "places", "commands", "log", "latest-sessions", "link", "boot"):
        assert f'id="{part}"' in whole
        assert f'id="{part}" hx-swap-oob="true"' in " ".join(live.split())


def test_query_count_does_not_grow(page, team, online, django_assert_max_num_queries):
    station = online(team)
    factories.CommandFactory.create_batch(8, station=station)
    factories.MessageFactory.create_batch(20, station=station)
    factories.SessionFactory.create_batch(12, station=station, finished=True)
    factories.ConnectorFactory.create_batch(4, station=station)
    with django_assert_max_num_queries(18):
        page.get(station.get_absolute_url())


def test_a_message_of_a_hostile_station_is_shown_as_text(page, station):
    factories.MessageFactory(station=station, action="<script>x", payload='{"a": "<img src=x>"}', answer="not json")
    factories.MessageFactory(station=station, action="MeterValues", payload="[" * 3000)
    factories.MessageFactory(station=station, action="StatusNotification", payload='{"connectorId": {"a": 1}}')
    text = page.get(station.get_absolute_url()).content.decode()
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text
    assert "<img src=x>" not in text


def test_an_operator_starts_a_session(page, operator, station, connector, tag):
    """W65, P31."""
    answer = page.post(command_url(station, "remote_start"), {"connector": 1, "id_tag": tag.value.lower()})
    assert answer.status_code == 302
    command = Command.objects.get()
    assert (command.kind, command.parameters) == ("remote_start", {"connector": 1, "id_tag": tag.value})
    assert command.requested_by == operator


def test_by_htmx_the_page_is_told_instead_of_left(page, station, connector, tag):
    answer = page.post(
        command_url(station, "remote_start"), {"connector": 1, "id_tag": tag.value}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 204
    assert {"said", "done", f"station-{station.pk}"} == set(json.loads(answer["HX-Trigger"]))


@pytest.mark.parametrize("value", ["unknown", "", "<b>"])
def test_a_tag_the_team_does_not_have_is_refused_at_its_field(page, station, connector, value):
    answer = page.post(command_url(station, "remote_start"), {"connector": 1, "id_tag": value})
    assert answer.status_code == 422
    assert answer.context["form"].errors["id_tag"]
    assert not Command.objects.exists()


def test_a_tag_of_other_stations_or_out_of_date_is_refused(page, station, connector, team):
    elsewhere = factories.TagFactory(team=team, scope="selected")
    elsewhere.stations.add(factories.StationFactory(team=team))
    old = factories.TagFactory(team=team, expires_at=timezone.now() - timedelta(days=1))
    for tag in (elsewhere, old):
        assert page.post(command_url(station, "remote_start"), {"connector": 1, "id_tag": tag.value}).status_code == 422


def test_a_reset_says_whose_session_it_ends(page, session):
    text = page.get(command_url(session.station, "reset"), headers={"HX-Request": "true"}).content.decode()
    assert f"A hard reset ends the session of tag {session.id_tag} on connector 1." in text
    assert "<html" not in text


@pytest.mark.parametrize(
    ("kind", "given", "parameters"),
    [
        ("reset", {"type": "Hard"}, {"type": "Hard"}),
        ("unlock", {"connector": "1"}, {"connector": 1}),
        ("change_availability", {"type": "Inoperative", "connector": ""}, {"type": "Inoperative", "connector": 0}),
        ("trigger_message", {"message": "MeterValues", "connector": "1"}, {"message": "MeterValues", "connector": 1}),
        ("get_configuration", {}, {}),
        ("clear_cache", {}, {}),
    ],
)
def test_each_command_becomes_a_row(page, station, connector, kind, given, parameters):
    """W65, P31."""
    assert page.post(command_url(station, kind), given).status_code == 302
    assert Command.objects.get(kind=kind).parameters == parameters


def test_a_session_of_another_station_cannot_be_stopped_here(page, station, team):
    other = factories.SessionFactory(station=factories.StationFactory(team=team))
    assert page.post(command_url(station, "remote_stop"), {"session": other.pk}).status_code == 422


def test_an_unknown_kind_is_not_there(page, station):
    assert page.get(command_url(station, "data_transfer")).status_code == 404


def test_a_viewer_sees_no_buttons_and_is_told_why(as_person, viewer, team, online):
    station = online(team)
    text = as_person(viewer).get(station.get_absolute_url()).content.decode()
    assert command_url(station, "reset") not in text
    assert "ask an administrator of the team for the operator role" in text


def test_the_configuration_of_a_station_is_a_table(page, station):
    """P27."""
    answer = {
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
        "unknownKey": ["X"],
    }
    command = factories.CommandFactory(station=station, kind="get_configuration", state="accepted", answer=answer)
    text = page.get(reverse("operations:command_detail", args=[command.pk])).content.decode()
    assert "HeartbeatInterval" in text
    assert "Unknown to the station" in text


def test_tags_to_choose_from_are_those_that_may_charge_here(page, station, team, other_team):
    good = factories.TagFactory(team=team, label="Fleet 7")
    factories.TagFactory(team=team, label="Fleet 8", status="blocked")
    factories.TagFactory(team=other_team, label="Fleet 9")
    text = page.get(reverse("operations:tag_choices", args=[station.pk]), {"id_tag": "fleet"}).content.decode()
    assert text.count("<option") == 1
    assert good.value in text


def test_an_administrator_adds_a_station_and_sees_its_password_once(as_person, administrator, team):
    """V13, V18, Vi1, Vi5, Vi7, Vi10."""
    page = as_person(administrator)
    given = {"identity": "NEW|1", "name": "Row 3", "password": "a-good-password", "connectors": 3}
    answer = page.post(reverse("chargers:station_add"), given)
    text = answer.content.decode()
    assert "a-good-password" in text
    assert "/ocpp/NEW%7C1" in text
    assert answer["Cache-Control"] == "no-store"
    station = ChargingStation.objects.get(identity="NEW|1")
    assert (station.team, station.connectors.count()) == (team, 3)
    assert "a-good-password" not in page.get(station.get_absolute_url()).content.decode()


def test_a_known_identity_is_not_taken_over(as_person, administrator, station):
    given = {"identity": station.identity, "password": "a-good-password", "connectors": 1}
    answer = as_person(administrator).post(reverse("chargers:station_add"), given)
    assert answer.status_code == 422
    station.refresh_from_db()
    assert station.password == b"0123456789abcdef"


def test_a_station_is_renamed(page, station):
    assert page.post(reverse("chargers:station_edit", args=[station.pk]), {"name": "Row 4"}).status_code == 302
    station.refresh_from_db()
    assert station.name == "Row 4"


def test_power_is_a_line_per_connector(page, station):
    now = timezone.now()
    for number in (1, 2):
        session = factories.SessionFactory(
            station=station, connector_number=number, started_at=now - timedelta(hours=1)
        )
        factories.ReadingFactory(session=session, at=now - timedelta(minutes=5), power_w=7000)
    body = page.get(reverse("chargers:station_power", args=[station.pk])).json()
    assert [series["name"] for series in body["series"]] == ["Connector 1", "Connector 2"]
    assert body["series"][0]["points"][0][1] == 7.0


def readings_every(session, seconds, start, count):
    for number in range(count):
        factories.ReadingFactory(session=session, at=start + timedelta(seconds=seconds * number), power_w=7000)


def lines_of(page, station):
    """Return the number of points of each segment of the first connector's line, which is cut at gaps."""
    points = page.get(reverse("chargers:station_power", args=[station.pk])).json()["series"][0]["points"]
    pieces = "".join("." if value is None else "x" for _at, value in points).split(".")
    return [len(piece) for piece in pieces]


def test_a_session_stays_drawn_when_a_later_one_measures_more_often(page, station):
    now = timezone.now()
    evening = factories.SessionFactory(station=station, finished=True, started_at=now - timedelta(hours=12))
    evening.stopped_at = now - timedelta(hours=9)
    evening.save()
    readings_every(evening, 240, now - timedelta(hours=12), 20)
    noon = factories.SessionFactory(station=station, started_at=now - timedelta(minutes=10))
    readings_every(noon, 5, now - timedelta(minutes=10), 60)
    assert lines_of(page, station) == [20, 60]


def test_a_session_that_changes_how_often_it_measures_stays_one_line(page, station):
    start = timezone.now() - timedelta(hours=3)
    session = factories.SessionFactory(station=station, started_at=start)
    readings_every(session, 240, start, 10)
    readings_every(session, 5, start + timedelta(seconds=240 * 10), 40)
    assert lines_of(page, station) == [50]


def test_a_gap_within_a_session_is_a_gap_and_a_point_alone_a_point(page, station):
    start = timezone.now() - timedelta(hours=8)
    session = factories.SessionFactory(station=station, started_at=start)
    for hours, count in ((0, 10), (3, 1), (5, 10)):
        readings_every(session, 60, start + timedelta(hours=hours), count)
    assert lines_of(page, station) == [10, 1, 10]


def test_many_readings_of_one_session_do_not_thin_out_another(page, station, monkeypatch):
    monkeypatch.setattr(charts, "MAX_POINTS", 100)
    now = timezone.now()
    over = factories.SessionFactory(station=station, started_at=now - timedelta(hours=6), stopped_at=now)
    running = factories.SessionFactory(station=station, started_at=now - timedelta(hours=1))
    readings_every(over, 240, over.started_at, 20)
    readings_every(running, 5, running.started_at, 400)
    short, long = lines_of(page, station)
    assert short == 20 and long <= 60


def test_a_chart_without_data_is_a_sentence(page, station):
    assert page.get(reverse("chargers:station_power", args=[station.pk])).json()["empty"]


# --- passwords -----------------------------------------------------------------------------------------------------


def test_an_administrator_sends_a_station_a_new_password(as_person, administrator, station):
    answer = as_person(administrator).post(command_url(station, "new_password"))
    assert answer.status_code == 302
    command = Command.objects.get()
    assert (command.kind, command.parameters["value"]) == ("change_configuration", "***")
    taken = take_next_command(station_id=station.pk, epoch=station.epoch)
    assert taken is not None and len(bytes.fromhex(taken.parameters["value"])) == 20
    text = as_person(administrator).get(station.get_absolute_url()).content.decode()
    assert "Both passwords are accepted" in text and taken.parameters["value"] not in text


def test_operators_do_not_change_passwords(page, station):
    assert page.get(command_url(station, "new_password")).status_code == 403
    assert page.post(command_url(station, "new_password")).status_code == 403
    assert not Command.objects.exists()
    text = page.get(station.get_absolute_url()).content.decode()
    assert command_url(station, "new_password") not in text


def test_a_password_is_set_by_hand_and_shown_once(as_person, administrator, station):
    ChargingStation.objects.update(next_password=b"told", next_password_message_id="m")
    page, path = as_person(administrator), reverse("chargers:station_password", args=[station.pk])
    assert 'value="' in page.get(path).content.decode()
    assert page.post(path, {"password": "short"}).status_code == 422
    answer = page.post(path, {"password": "set-by-hand-1"})
    assert "set-by-hand-1" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    station.refresh_from_db()
    assert (station.password, station.next_password, station.is_password_open) == (b"set-by-hand-1", None, False)
    assert "set-by-hand-1" not in page.get(station.get_absolute_url()).content.decode()


def test_a_team_that_keeps_hashes_sees_a_password_once_too(as_person, administrator, station, team):
    team.station_passwords = "show_once"
    team.save()
    given = {"identity": "NEW|1", "password": "a-good-password", "connectors": 1}
    assert "a-good-password" in as_person(administrator).post(reverse("chargers:station_add"), given).content.decode()
    by_hand = reverse("chargers:station_password", args=[station.pk])
    as_person(administrator).post(by_hand, {"password": "set-by-hand-1"})
    for each in ChargingStation.objects.all():
        assert each.password is None and each.password_hash.startswith("scrypt$")


def test_a_station_that_cannot_log_in_says_so(page, station):
    words = "The station cannot sign in"
    assert words not in page.get(station.get_absolute_url()).content.decode()
    ChargingStation.objects.update(password=None)
    assert words in page.get(station.get_absolute_url()).content.decode()
    ChargingStation.objects.update(password_hash="x")
    assert words not in page.get(station.get_absolute_url()).content.decode()


def test_a_refused_connection_is_shown_with_its_cause_and_its_cure(page, station):
    """B6, T7."""
    factories.RefusedConnectionFactory(station=station, cause="not_encrypted")
    assert set(FIXES) == set(RefusedConnection.Cause)
    text = page.get(station.get_absolute_url()).content.decode()
    assert "The connection is not encrypted, though the station must use TLS" in text
    assert "Set the station&#x27;s address to wss://." in text
