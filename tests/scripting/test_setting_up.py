"""add_team, add_user, add_token, add_station, add_tag."""

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import ApiToken, Team, User
from chargers.credentials.services import StoredPassword, verify_password
from chargers.models import ChargingStation, Connector, Tag
from chargers.onboarding.services.registration import NewStation, add_stations
from chargers.tags.services.adding import add_tag
from chargers.tags.services.authorization import authorize_tag
from cpms.common.errors import DomainError
from tests import factories


def test_a_team_is_added_once_and_renamed_later(manage):
    first = manage("add_team", "nordlys", "--json")
    again = manage("add_team", "nordlys", "--name", "Nordlys Energie", "--json")
    assert first.json == {"created": 1, "updated": 0, "team": "nordlys", "name": "nordlys"}
    assert again.json == {"created": 0, "updated": 1, "team": "nordlys", "name": "Nordlys Energie"}
    assert manage("add_team", "nordlys", "--json").json["name"] == "Nordlys Energie"


@pytest.mark.parametrize("handle", ["with blank", "ø", "x" * 61, ""])
def test_a_handle_that_cannot_be_is_refused_with_a_sentence(manage, handle):
    outcome = manage("add_team", handle, "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert "handle" in outcome.error.lower()
    assert not Team.objects.exists()


def test_a_person_gets_password_role_and_staff(manage, team):
    words = ("add_user", "Ada@Example.org", "--password", "p", "--team", "nordlys", "--role", "operator", "--json")
    assert manage(*words).json == {
        "created": 1,
        "updated": 0,
        "user": "ada@example.org",
        "team": "nordlys",
        "role": "operator",
        "is_staff": False,
    }
    again = manage(*words[:3], "other", *words[4:7], "admin", "--staff", "--json")
    assert (again.json["created"], again.json["role"], again.json["is_staff"]) == (0, "admin", True)
    user = User.objects.get()
    assert user.check_password("other")
    assert user.memberships.get().role == "admin"


def test_the_same_again_leaves_the_password_hash_so_that_nobody_is_logged_out(manage, team):
    words = ("add_user", "a@example.org", "--password", "p", "--team", "nordlys", "--role", "viewer")
    manage(*words)
    before = User.objects.get().password
    manage(*words)
    assert User.objects.get().password == before


def test_a_person_needs_a_team_that_is_there(manage):
    outcome = manage("add_user", "a@example.org", "--password", "p", "--team", "none", "--role", "viewer", "--json")
    assert outcome.code == 1
    assert "none" in outcome.error
    assert not User.objects.exists()


def test_a_token_is_printed_and_opens_the_api(manage, viewer, api):
    key = manage("add_token", viewer.email.upper(), "--name", "script", "--json").json["key"]
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.get("/api/v1/stations/").status_code == 200
    assert key not in str(ApiToken.objects.values_list())


def test_a_token_is_limited_and_ends(manage, viewer):
    words = ("add_token", viewer.email, "--scope", "operate", "sessions:read", "--days", "90", "--json")
    told = manage(*words).json
    token = ApiToken.objects.get()
    assert told["scopes"] == token.scopes == ["sessions:read", "operate"]
    assert (token.expiry_date - timezone.now()).days == 89
    assert manage("add_token", viewer.email, "--days", "0").code == 1
    assert ApiToken.objects.count() == 1


def test_a_station_is_added_with_its_connectors_and_an_encrypted_password(manage, team):
    words = ("add_station", "CP-1", "--team", "nordlys", "--password", "geheim-ä", "--connectors", "3", "--json")
    assert manage(*words).json == {"created": 1, "updated": 0, "team": "nordlys", "stations": ["CP-1"]}
    station = ChargingStation.objects.get()
    assert station.password == "geheim-ä".encode()
    assert [connector.number for connector in station.connectors.all()] == [1, 2, 3]
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM chargers_chargingstation")
        assert b"geheim" not in bytes(cursor.fetchone()[0])


def test_a_station_that_is_there_gets_the_new_password_and_keeps_the_rest(manage, station):
    station.vendor, station.epoch, station.name = "Maker", 7, "Row 2"
    station.save()
    words = ("add_station", station.identity, "--team", "nordlys", "--password", "new", "--connectors", "1", "--json")
    assert manage(*words).json["updated"] == 1
    assert manage(*words).json == {"created": 0, "updated": 1, "team": "nordlys", "stations": [station.identity]}
    station.refresh_from_db()
    assert (station.password, station.vendor, station.epoch, station.name) == (b"new", "Maker", 7, "Row 2")
    assert station.connectors.count() == 1


def test_many_stations_with_a_count(manage, team, django_assert_max_num_queries):
    with django_assert_max_num_queries(120):
        outcome = manage(
            *("add_station", "S{n:04d}", "--team", "nordlys", "--password", "pw-{id}", "--count", "1000", "--json")
        )
    assert outcome.json["created"] == 1000
    assert outcome.json["stations"][0] == "S0001"
    assert ChargingStation.objects.get(identity="S1000").password == b"pw-S1000"
    assert Connector.objects.count() == 2000
    more = manage(
        *("add_station", "S{n:04d}", "--team", "nordlys", "--password", "pw-{id}", "--count", "1001", "--json")
    )
    assert (more.json["created"], more.json["updated"]) == (1, 1000)


def test_without_a_count_braces_are_no_place_for_a_number(manage, team):
    assert manage("add_station", "{n}", "--team", "nordlys", "--password", "{id}").code == 1
    assert not ChargingStation.objects.exists()


@pytest.mark.parametrize("count", ["0", "-1", "2"])
def test_a_count_that_makes_no_sense_is_refused(manage, team, count):
    outcome = manage("add_station", "same", "--team", "nordlys", "--password", "p", "--count", count, "--json")
    assert outcome.code == 1
    assert not ChargingStation.objects.exists()


@pytest.mark.parametrize(
    "identity", ["", " x", "x ", "a\tb", "a\x00b", "x" * 49, "a b", "Säule", "a/b", "50%", "q?x", "\u200bx", "\ud800"]
)
def test_an_identity_that_cannot_be_is_refused(manage, team, identity):
    outcome = manage("add_station", identity, "--team", "nordlys", "--password", "p", "--json")
    assert outcome.code == 1
    assert "identity" in outcome.error.lower()


def test_an_identity_of_another_team_is_an_error_and_nothing_is_changed(manage, team, other_team, station):
    outcome = manage("add_station", station.identity, "--team", "stranger", "--password", "mine", "--json")
    assert outcome.code == 1
    assert station.identity in outcome.error
    station.refresh_from_db()
    assert (station.team, station.password) == (team, b"0123456789abcdef")


def test_a_station_in_the_pool_is_assigned(manage, station):
    ChargingStation.objects.update(team=None)
    assert manage("add_station", station.identity, "--team", "nordlys", "--password", "p", "--json").code == 0
    station.refresh_from_db()
    assert station.team.handle == "nordlys"


def test_a_password_given_by_a_script_ends_an_open_change(manage, station):
    ChargingStation.objects.update(next_password=b"told", next_password_message_id="m")
    assert manage("add_station", station.identity, "--team", "nordlys", "--password", "p", "--json").code == 0
    station.refresh_from_db()
    assert (station.password, station.next_password, station.is_password_open) == (b"p", None, False)


def test_a_team_that_keeps_hashes_gets_no_password_into_the_database(manage, team):
    team.station_passwords = "show_once"
    team.save()
    words = ("add_station", "S{n}", "--team", "nordlys", "--password", "pw-{id}", "--count", "3", "--json")
    for number in (3, 0):
        assert manage(*words).json["created"] == number
        assert not ChargingStation.objects.exclude(password=None).exists()
        for station in ChargingStation.objects.all():
            assert verify_password(f"pw-{station.identity}".encode(), StoredPassword(None, station.password_hash))


def test_stations_keep_their_passwords_where_none_is_given(team, station):
    ChargingStation.objects.update(next_password=b"told", next_password_message_id="m")
    add_stations(team=team, stations=[NewStation(identity=station.identity, password=None, name="Row 9")])
    station.refresh_from_db()
    assert (station.name, station.password, station.next_password) == ("Row 9", b"0123456789abcdef", b"told")
    pooled = factories.StationFactory(team=None, password=None)
    for identity in ("NEW", pooled.identity):
        with pytest.raises(DomainError) as error:
            add_stations(team=team, stations=[NewStation(identity=identity, password=None)])
        assert "password" in error.value.fields


def test_a_tag_gets_status_expiry_and_stations(manage, station):
    words = ("add_tag", "04A1B2", "--team", "nordlys", "--json")
    first = manage(*words, "--status", "blocked", "--expires", "2027-01-31T12:00:00Z", "--station", station.identity)
    assert first.json == {"created": 1, "updated": 0, "team": "nordlys", "tags": ["04A1B2"]}
    tag = Tag.objects.get()
    assert (tag.status, tag.expires_at.isoformat()) == ("blocked", "2027-01-31T12:00:00+00:00")
    assert list(tag.stations.all()) == [station]
    again = manage("add_tag", "04a1b2", "--team", "nordlys", "--json")
    assert (again.json["created"], again.json["updated"]) == (0, 1)
    tag.refresh_from_db()
    assert (tag.value, tag.status, tag.expires_at, tag.scope) == ("04A1B2", "accepted", None, "selected")
    manage("add_tag", "04a1b2", "--team", "nordlys", "--scope", "all")
    tag.refresh_from_db()
    assert (tag.scope, tag.stations.count()) == ("all", 0)


def test_a_tag_has_a_type_and_keeps_it_where_none_is_given(manage, station):
    """W75: and it charges whatever its type is."""
    words = ("add_tag", "04A1B2", "--team", "nordlys", "--json")
    for given, kind in (
        ((), "other"),
        (("--kind", "company"), "company"),
        ((), "company"),
        (("--kind", "other"), "other"),
    ):
        manage(*words, *given)
        assert Tag.objects.get().kind == kind
        assert authorize_tag(station=station, value="04A1B2").is_accepted
    manage("add_tag", "P{n}", "--team", "nordlys", "--kind", "private", "--count", "3")
    assert set(Tag.objects.filter(value__startswith="P").values_list("kind", flat=True)) == {"private"}


def test_a_type_that_is_none_is_refused(team):
    """W75."""
    with pytest.raises(DomainError) as refused:
        add_tag(team=team, value="04A1B2", kind="leased")
    assert set(refused.value.fields) == {"kind"} and not Tag.objects.exists()


def test_many_tags_at_several_stations(manage, team):
    manage("add_station", "S{n}", "--team", "nordlys", "--password", "p", "--count", "3")
    words = ("add_tag", "T{n:03d}", "--team", "nordlys", "--count", "20", "--station", "S1", "S2", "--station", "S3")
    assert manage(*words, "--json").json["created"] == 20
    assert manage(*words, "--json").json == {
        "created": 0,
        "updated": 20,
        "team": "nordlys",
        "tags": [f"T{n:03d}" for n in range(1, 21)],
    }
    assert {tag.stations.count() for tag in Tag.objects.all()} == {3}


@pytest.mark.parametrize(
    "more", [["--expires", "tomorrow"], ["--expires", "2027-13-01T00:00:00Z"], ["--station", "none"]]
)
def test_a_tag_with_a_wrong_option_is_refused(manage, team, more):
    outcome = manage("add_tag", "T", "--team", "nordlys", "--json", *more)
    assert outcome.code == 1
    assert more[1] in outcome.error
    assert not Tag.objects.exists()


def test_errors_are_plain_sentences_without_json(manage):
    outcome = manage("add_station", "CP", "--team", "none", "--password", "p")
    assert (outcome.code, outcome.out) == (1, "")
    assert "none" in outcome.err
    assert not outcome.err.startswith("{")
