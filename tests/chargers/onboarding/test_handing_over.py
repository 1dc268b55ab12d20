"""Handing a station over to another team (Vi8): the history stays with the old team, new data goes to the new one."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone, translation

from accounts.access.rights import Role
from accounts.models import AuditEntry, Grant, User
from chargers.credentials import services as credentials_services
from chargers.credentials.services import StoredPassword, verify_password
from chargers.models import ChargingStation, Event, Tag
from chargers.onboarding.services import registration
from chargers.onboarding.services.handover import MAX_IDENTITY_LENGTH, former_identity, hand_over_station
from chargers.stations.services import links
from chargers.stations.services.activity import set_station_active
from chargers.stations.services.offline import record_offline_stations
from chargers.stations.services.statuses import StatusReport, record_statuses
from chargers.tags.services.authorization import authorize_tag
from cpms.common.errors import DomainError, NotAllowed
from maintenance.connections.services.refusals import Refusal, record_refusal
from maintenance.models import RefusedConnection
from maintenance.notifications.services.notifications import notify
from operations.commands.services.asking import request_command
from operations.commands.services.settling import settle_overdue_commands
from operations.models import Command
from tests import factories
from tests.routes import FOUND, ROUTES, address, rows  # noqa: F401
from tests.world import create_team_rows

PASSWORD = b"0123456789abcdef"


@pytest.fixture
def both(administrator, other_team) -> User:
    """An administrator of both teams."""
    factories.MembershipFactory(user=administrator, team=other_team, role=Role.ADMIN)
    return administrator


@pytest.fixture
def old(team, node):
    """A connected station with two connectors, on a circuit of an installation."""
    now = timezone.now()
    installation = factories.InstallationFactory(team=team)
    station = factories.StationFactory(
        team=team,
        identity="CP-1",
        name="Row 1",
        node=node,
        epoch=7,
        connected_at=now,
        last_heard_at=now,
        booted_at=now,
        boot_count=3,
        security_profile=2,
        connection_timeout_seconds=90,
        clock_offset_ms=250,
        clock_measured_at=now,
        status="Available",
        installation=installation,
        circuit=factories.CircuitFactory(installation=installation),
    )
    factories.ConnectorFactory(station=station, number=1, status="Available", status_changed_at=now, reported_at=now)
    factories.ConnectorFactory(station=station, number=2, status="Faulted", error_code="GroundFailure", info="wet")
    return station


def url_of(station) -> str:
    return reverse("chargers:station_hand_over", args=[station.pk])


def refusal_of(**fields) -> DomainError:
    with pytest.raises(DomainError) as caught, translation.override("en"):
        hand_over_station(**fields)
    return caught.value


# --- what goes, what stays -----------------------------------------------------------------------------------------


def test_the_station_goes_on_as_a_new_row_of_the_other_team(old, other_team, both):
    """Vi8."""
    new = hand_over_station(station=old, team=other_team, actor=both)
    new = ChargingStation.objects.get(pk=new.pk)
    assert (new.team, new.identity, new.name, new.protocol) == (other_team, "CP-1", "Row 1", "1.6")
    assert (new.registration, new.vendor, new.serial_number) == ("accepted", old.vendor, old.serial_number)
    assert (new.booted_at, new.clock_offset_ms, new.status) == (old.booted_at, 250, "Available")
    assert (new.security_profile, new.connection_timeout_seconds) == (2, 90)  # T7
    assert (bytes(new.password), new.password_hash) == (PASSWORD, "")
    assert (new.installation, new.circuit, new.node, new.deactivated_at, new.handed_over_at) == (None,) * 5
    assert list(new.connectors.values_list("number", "status", "error_code", "info")) == [
        (1, "Available", "", ""),
        (2, "Faulted", "GroundFailure", "wet"),
    ]
    assert not (new.grants.exists() or new.groups.exists() or new.scoped_tags.exists())


def test_the_old_row_keeps_the_history_and_cannot_connect(old, team, other_team):
    """Vi8."""
    hand_over_station(station=old, team=other_team)
    row = ChargingStation.objects.get(pk=old.pk)
    assert row.identity == f"CP-1 (until {timezone.localdate()})"
    assert (row.team, row.installation, row.circuit) == (team, old.installation, None)
    assert not row.has_password and not row.is_password_open
    assert (row.node, row.epoch) == (None, 8)
    assert row.deactivated_at == row.handed_over_at is not None
    assert row.disconnected_at is not None
    assert links.open_link(station_id=row.pk, node_id=old.node_id, remote_address="", at=timezone.now()) == 0
    assert links.close_link(station_id=row.pk, epoch=7, at=timezone.now()) is False


def test_the_time_of_deactivation_is_kept(old, other_team):
    then = set_station_active(station=old, is_active=False).deactivated_at
    new = hand_over_station(station=old, team=other_team)
    old.refresh_from_db()
    assert (old.deactivated_at, new.deactivated_at) == (then, None)


def test_a_station_can_go_back_on_the_same_day(old, team, other_team, both):
    there = hand_over_station(station=old, team=other_team, actor=both)
    back = hand_over_station(station=there, team=team, actor=both)
    names = set(ChargingStation.objects.values_list("identity", flat=True))
    day = timezone.localdate()
    assert names == {"CP-1", f"CP-1 (until {day})", f"CP-1 (until {day}, {there.pk})"}
    assert (back.identity, back.team) == ("CP-1", team)


@pytest.mark.parametrize("length", [1, 29, 30, MAX_IDENTITY_LENGTH])
def test_the_former_identity_is_short_enough_and_unique(db, length):
    identity, now, names = "ö" * length, timezone.now(), []
    for _again in range(4):
        names.append(former_identity(identity, 12345, now))
        factories.StationFactory(identity=names[-1])
        assert 1 <= len(names[-1]) <= MAX_IDENTITY_LENGTH
    assert len(set(names)) == 4
    assert all(f"(until {timezone.localdate(now)}" in name for name in names)


@pytest.mark.parametrize(
    ("kept_before", "kept_after", "is_hash"),
    [
        ("revealable", "revealable", False),
        ("revealable", "show_once", True),
        ("show_once", "show_once", True),
        ("show_once", "revealable", True),
    ],
)
def test_the_password_moves_in_the_form_that_the_other_team_stores(
    old, team, other_team, kept_before, kept_after, is_hash
):
    """Vi8, T5: encrypted or as a hash; a hash cannot be turned back."""
    team.station_passwords, other_team.station_passwords = kept_before, kept_after
    team.save()
    other_team.save()
    old.refresh_from_db()
    credentials_services.set_password(station=old, password=PASSWORD)
    new = hand_over_station(station=old, team=other_team)
    new.refresh_from_db()
    assert (new.password is None, bool(new.password_hash)) == (is_hash, is_hash)
    assert verify_password(PASSWORD, StoredPassword(new.password, new.password_hash))


def test_granted_access_ends_and_is_recorded(old, other_team, both):
    """Vi8, B21."""
    access = factories.GrantFactory(station=old)
    factories.GrantFactory(station=old, user=None, to_team=other_team)
    hand_over_station(station=old, team=other_team, actor=both)
    assert Grant.objects.filter(station=old, withdrawn_at__isnull=False).count() == 2
    assert not access.user.access.may("see_stations", old)


def test_a_tag_limited_to_the_station_does_not_become_valid_everywhere(old, team, other_team, tag):
    """Vi8: a tag without stations would be valid at all stations of the team."""
    Tag.objects.filter(pk=tag.pk).update(scope=Tag.Scope.SELECTED)
    tag.stations.add(old)
    factories.TagFactory(team=other_team, value="THEIRS")
    elsewhere = factories.StationFactory(team=team)
    new = hand_over_station(station=old, team=other_team)
    old.refresh_from_db()
    assert list(tag.stations.all()) == [old]
    assert [authorize_tag(station=at, value=tag.value).status for at in (old, new, elsewhere)] == ["Invalid"] * 3
    assert authorize_tag(station=new, value="theirs").is_accepted


def test_pending_commands_are_not_sent(old, other_team):
    """Vi8, B5, T5: passwords in waiting commands are deleted."""
    waiting = [
        request_command(station=old, kind="reset", parameters={"type": "Soft"}, expires_in=timedelta(days=30)),
        request_command(
            station=old,
            kind="change_configuration",
            parameters={"key": "AuthorizationKey", "value": "another password"},
            expires_in=timedelta(days=30),
        ),
    ]
    elsewhere = request_command(station=factories.StationFactory(), kind="reset", parameters={"type": "Soft"})
    new = hand_over_station(station=old, team=other_team)
    assert settle_overdue_commands() == 2
    assert {Command.objects.get(pk=each.pk).state for each in waiting} == {"cancelled"}
    assert "sealed" not in Command.objects.get(pk=waiting[1].pk).parameters
    assert Command.objects.get(pk=elsewhere.pk).state == "requested"
    assert not new.commands.exists()


def test_the_old_row_takes_no_commands_and_cannot_be_activated(old, team, other_team, both):
    """Vi8."""
    hand_over_station(station=old, team=other_team, actor=both)
    old_row = ChargingStation.objects.get(pk=old.pk)
    fields = {"team": team, "identity": old_row.identity, "password": "a good password"}
    for refused in (
        lambda: request_command(station=old_row, kind="clear_cache", actor=both),
        lambda: set_station_active(station=old_row, is_active=True, actor=both),
        lambda: credentials_services.set_password(station=old_row, password="a good password", actor=both),
        lambda: registration.add_station(**fields, actor=both),
        lambda: registration.assign_station(station=old_row, team=team),
        lambda: hand_over_station(station=old_row, team=other_team, actor=both),
    ):
        with pytest.raises(DomainError):
            refused()
    for wrong in ({"password": b"p"}, {"password_hash": "p"}, {"deactivated_at": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ChargingStation.objects.filter(pk=old_row.pk).update(**wrong)


def test_the_old_row_raises_no_offline_notification(old, other_team, viewer):
    hand_over_station(station=old, team=other_team)
    hour_ago = timezone.now() - timedelta(hours=1)
    ChargingStation.objects.filter(pk=old.pk).update(disconnected_at=hour_ago, last_heard_at=hour_ago)
    record_offline_stations()
    notify()
    assert not viewer.notifications.filter(kind="away").exists()


def test_an_open_fault_moves_to_the_other_team(old, other_team, stranger):
    now = timezone.now()
    record_statuses([StatusReport(old.pk, 1, "Faulted", now, now, "GroundFailure")])
    new = hand_over_station(station=old, team=other_team)
    before, after = Event.objects.order_by("pk")
    assert (before.station, before.team, before.ended_at is None) == (old, old.team, False)
    assert (after.station, after.team, after.ended_at is None) == (new, other_team, True)
    notify()
    assert stranger.notifications.get(kind="fault").station == new


def test_refusals_of_the_same_hour_are_counted_apart(old, other_team):
    """Vi8, B6."""
    fields = {"cause": "wrong_credentials", "path": "/ocpp/CP-1", "identity": "CP-1", "remote_address": "192.0.2.1"}
    record_refusal(Refusal(station_id=old.pk, **fields))
    record_refusal(Refusal(station_id=old.pk, **fields))
    new = hand_over_station(station=old, team=other_team)
    for _again in range(3):
        record_refusal(Refusal(station_id=new.pk, **fields))
    assert dict(RefusedConnection.objects.values_list("station_id", "count")) == {old.pk: 2, new.pk: 3}


# --- who may, and when not -----------------------------------------------------------------------------------------


def test_who_may_hand_over(old, team, other_team, both, staff, user_with):
    """Vi8: administrators of both teams, and support staff."""
    owner = factories.GrantFactory(station=old).user
    factories.MembershipFactory(user=owner, team=other_team, role=Role.ADMIN)
    half = user_with(Role.OPERATOR)
    factories.MembershipFactory(user=half, team=other_team, role=Role.ADMIN)
    of_one = user_with(Role.ADMIN)
    third = factories.TeamFactory()
    for actor, to in ((owner, other_team), (half, other_team), (of_one, other_team), (both, third)):
        with pytest.raises(NotAllowed):
            hand_over_station(station=old, team=to, actor=User.objects.get(pk=actor.pk))
    hand_over_station(station=old, team=other_team, actor=staff)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"team": None}, "no team"),
        ({"password": None}, "no password"),
        ({"next_password": b"p", "next_password_message_id": "m"}, "new password"),
    ],
)
def test_it_is_refused_while_it_is_uncertain_that_the_station_can_sign_in(fields, expected, other_team):
    assert expected in str(refusal_of(station=factories.StationFactory(**fields), team=other_team))


def test_it_is_refused_for_its_own_team_and_a_second_time(old, team, other_team):
    assert refusal_of(station=old, team=team).fields.keys() == {"team"}
    hand_over_station(station=old, team=other_team)
    assert "already" in str(refusal_of(station=old, team=other_team))


def test_it_is_refused_during_a_session(old, other_team):
    """Vi8: the session is named."""
    session = factories.SessionFactory(station=old)
    assert f"in progress: {session.pk}." in str(refusal_of(station=old, team=other_team))
    old.refresh_from_db()
    assert (old.identity, old.handed_over_at) == ("CP-1", None)


# --- the audit log -------------------------------------------------------------------------------------------------


def trail_of(team) -> dict:
    entry = AuditEntry.objects.filter(team=team, content_type__model="chargingstation").first()
    return entry.changes | {"who": entry.actor_email}


def test_both_audit_logs_record_it(old, team, other_team, both):
    """Vi8, B21."""
    hand_over_station(station=old, team=other_team, actor=both)
    move = ["Nordlys Energie", "Somebody else"]
    former = f"CP-1 (until {timezone.localdate()})"
    assert trail_of(team) == {"team": move, "identity": ["CP-1", former], "who": both.email}
    assert trail_of(other_team) == {"team": move, "who": both.email}


def test_neither_audit_log_names_a_team_that_its_readers_may_not_know(old, team, other_team, staff):
    hand_over_station(station=old, team=other_team, actor=staff)
    assert trail_of(team)["team"] == ["Nordlys Energie", ""]
    assert trail_of(other_team)["team"] == ["", "Somebody else"]


# --- two teams -----------------------------------------------------------------------------------------------------

SCOPED = [model for model in apps.get_models() if hasattr(model._default_manager, "reachable_by")]


def seen_by(user) -> dict[str, set[int]]:
    user = User.objects.get(pk=user.pk)
    managers: dict[str, Any] = {model._meta.label: model._default_manager for model in SCOPED}
    return {label: set(kept.reachable_by(user).values_list("pk", flat=True)) for label, kept in managers.items()}


def everything_at(station, tag, person) -> None:
    connector = station.connectors.get_or_create(number=1)[0]
    session = factories.SessionFactory(station=station, tag=tag, id_tag=tag.value, finished=True)
    create_team_rows(station.team, station, connector, tag, session, person)


def test_the_new_team_sees_nothing_of_the_old_time_and_the_old_one_nothing_of_the_new(
    team, other_team, old, tag, viewer, stranger
):
    """Vi8, D7: sessions, readings, messages, commands, deviations, events, anomalies, links and refusals."""
    everything_at(old, tag, viewer)
    mine, theirs = seen_by(viewer), seen_by(stranger)
    assert sum(bool(keys) for keys in mine.values()) > 15
    new = hand_over_station(station=old, team=other_team)
    added = {"chargers.ChargingStation": {new.pk}}
    added["chargers.Connector"] = set(new.connectors.values_list("pk", flat=True))
    added["accounts.AuditEntry"] = set(AuditEntry.objects.filter(team=other_team).values_list("pk", flat=True))
    assert seen_by(stranger) == {label: keys | added.get(label, set()) for label, keys in theirs.items()}
    assert seen_by(viewer) == mine
    factories.SessionFactory(station=new, finished=True)
    for factory in (
        factories.MessageFactory,
        factories.CommandFactory,
        factories.OddityFactory,
        factories.DeviationFactory,
        factories.SecurityEventFactory,
        factories.StationLinkFactory,
        factories.RefusedConnectionFactory,
    ):
        factory(station=new)
    assert seen_by(viewer) == mine


def test_no_page_of_the_new_team_shows_the_history(team, other_team, old, viewer, as_person, user_with, rows):  # noqa: F811
    """Vi8: every list page, every export, and the page of the new station."""
    tag = factories.TagFactory(team=team, value="OLDSECRET")
    factories.SessionFactory(station=old, tag=tag, id_tag=tag.value, finished=True)
    factories.MessageFactory(station=old, action="OLDSECRET")
    factories.OddityFactory(station=old, note="OLDSECRET")
    factories.SecurityEventFactory(station=old, type="OLDSECRET")
    factories.CommandFactory(station=old, kind="data_transfer", parameters={"message": "OLDSECRET"})
    new = hand_over_station(station=old, team=other_team)
    mine, theirs = as_person(viewer), as_person(user_with(Role.ADMIN, other_team))
    lists = [address(name, rows) for name in ROUTES if name in FOUND and name.endswith("_list")]
    lists = [path for path in lists if not path.startswith(("/admin", "/mails"))]
    own = [reverse(f"chargers:{name}", args=[new.pk]) for name in ("station_detail", "station_live")]
    assert sum("OLDSECRET" in mine.get(path).content.decode() for path in lists) >= 4
    for path in [*own, *lists, *(f"{path}?export=csv" for path in lists), "/search/?q=oldsecret"]:
        answer = theirs.get(path, {"deactivated": "show"} if path in own else {})
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        output = text.decode()
        assert answer.status_code == 200 and "OLDSECRET" not in output and "(until" not in output, path
    assert theirs.get(old.get_absolute_url()).status_code == 404
    assert mine.get(old.get_absolute_url()).status_code == 200
    assert mine.get(new.get_absolute_url()).status_code == 404


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_page_explains_what_moves_and_leads_to_the_new_station(as_person, both, old, team, other_team):
    """Vi8."""
    page = as_person(both)
    for name in ("station_detail", "station_edit"):
        assert url_of(old) in page.get(reverse(f"chargers:{name}", args=[old.pk])).content.decode()
    response = page.get(url_of(old))
    assert list(response.context["form"].fields["team"].queryset) == [other_team]
    text = response.content.decode()
    today = timezone.localdate(timezone=ZoneInfo("Europe/Berlin"))  # of pages
    assert f"CP-1 (until {today})" in text and "The other team cannot see them." in text
    assert page.post(url_of(old), {"team": other_team.pk}).status_code == 422  # without the confirmation box
    assert page.post(url_of(old), {"team": team.pk, "is_sure": "on"}).status_code == 422
    answer = page.post(url_of(old), {"team": other_team.pk, "is_sure": "on"}, follow=True)
    new = ChargingStation.objects.get(identity="CP-1")
    assert answer.redirect_chain[-1][0] == new.get_absolute_url()
    assert "CP-1 handed over to Somebody else." in answer.content.decode()


def test_a_refusal_is_shown_on_the_page(as_person, both, old, other_team):
    session = factories.SessionFactory(station=old)
    answer = as_person(both).post(url_of(old), {"team": other_team.pk, "is_sure": "on"})
    assert answer.status_code == 422
    assert f"in progress: {session.pk}." in answer.content.decode()
    text = as_person(both).get(url_of(old)).content.decode()  # shown before the form is filled in
    assert f"in progress: {session.pk}." in text and "Hand over station" not in text


def test_other_users_cannot_open_the_page(as_person, old, administrator, operator, stranger, both):
    """Vi8: a stranger gets 404, a member without the right 403, and neither sees a link to it."""
    factories.MembershipFactory(user=operator, team=stranger.access.own_teams[0], role=Role.ADMIN)
    for user, status in ((stranger, 404), (operator, 403)):
        assert as_person(user).get(url_of(old)).status_code == status
        assert as_person(user).post(url_of(old), {}).status_code == status
    assert url_of(old) not in as_person(operator).get(old.get_absolute_url()).content.decode()


def test_administrators_of_one_team_only_are_not_offered_it(as_person, old, administrator):
    page = as_person(administrator)
    assert url_of(old) not in page.get(old.get_absolute_url()).content.decode()
    assert page.get(url_of(old)).status_code == 403


def test_the_page_of_the_old_row_explains_it_and_offers_no_actions(as_person, both, old, other_team):
    """Vi8, B7."""
    hand_over_station(station=old, team=other_team, actor=both)
    page = as_person(both)
    text = page.get(old.get_absolute_url()).content.decode()
    assert "This station was handed over to another team on" in text
    for offered in ("Activate station", "Set password manually", "Send new password", f"{old.pk}/reset", url_of(old)):
        assert offered not in text
    url = reverse("chargers:station_activity", args=[old.pk])
    assert "cannot be activated here" in page.post(url, {"do": "activate"}, follow=True).content.decode()
    body = {"password": "a good password"}
    assert page.post(reverse("chargers:station_password", args=[old.pk]), body).status_code == 422
    assert url_of(old) not in page.get(reverse("chargers:station_edit", args=[old.pk])).content.decode()
    assert "This station has already been handed over." in page.get(url_of(old)).content.decode()


def test_the_query_counts_of_the_pages_are_limited(as_person, both, old, other_team, django_assert_max_num_queries):
    page = as_person(both)
    page.get(old.get_absolute_url())
    with django_assert_max_num_queries(30):
        page.get(old.get_absolute_url())
    hand_over_station(station=old, team=other_team, actor=both)
    with django_assert_max_num_queries(30):
        page.get(old.get_absolute_url())
