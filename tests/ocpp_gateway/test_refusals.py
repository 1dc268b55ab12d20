"""What is kept of refused connections, and who is shown them (B6)."""

import itertools

import pytest
from django.core.cache import cache

from chargers.models import ChargingStation
from maintenance.connections.labels import cause_label, fix_label
from maintenance.models import RefusedConnection, UnnamedProxy
from tests.ocpp_gateway.link import Link, basic
from tests.ocpp_gateway.running_system import START_SECONDS, until

pytestmark = pytest.mark.processes
PASSWORD = "a password of 16-40"
SOURCE = (f"192.0.2.{n}" for n in itertools.count(1))


@pytest.fixture(scope="module")
def strict(inside):
    """A gateway behind a named proxy, so that a test can come from any source, with the limit as it is by default."""
    system = inside
    gateway = system.new_gateway("strict", TRUSTED_PROXIES="127.0.0.1", OCPP_UNKNOWN_PER_MINUTE="20")
    until(gateway.answers, START_SECONDS, gateway.name)
    yield gateway
    gateway.end()
    system.processes.remove(gateway)


@pytest.fixture
def source():
    cache.clear()
    RefusedConnection.objects.all().delete()
    return next(SOURCE)


def client_link(gateway, source, identity="", *, password=None, headers=(), **options):
    given = [("X-Forwarded-For", source), *headers]
    if password is not None:
        given.append(("Authorization", basic(identity, password)))
    return Link(gateway.url, identity, headers=given, **options)


def row_of(**facts):
    return until(lambda: RefusedConnection.objects.select_related("station").filter(**facts).first(), what=str(facts))


def test_strangers_of_one_source_are_one_row_an_hour_with_a_count_and_a_sample(strict, source):
    for n in range(15):
        assert client_link(strict, source, f"NOBODY-{n}").refusal() == 404
    row = row_of(remote_address=source, count=15)
    assert (row.station, row.cause) == (None, "unknown_identity") and row.identity.startswith("NOBODY-")
    assert RefusedConnection.objects.count() == 1


def test_unknown_identities_are_429_after_20_a_minute_and_known_stations_are_not(system, strict, source):
    station = system.station(password=PASSWORD.encode())
    statuses = [client_link(strict, source, f"NOBODY-{n}").refusal() for n in range(45)]
    assert statuses == [404] * 20 + [429] * 25
    assert client_link(strict, source, station.identity, password="wrong").refusal() == 401
    with client_link(strict, source, station.identity, password=PASSWORD).opened() as link:
        assert link.call("Heartbeat")
    assert client_link(strict, next(SOURCE), "NOBODY-1").refusal() == 404  # other sources are not held up
    assert row_of(remote_address=source, count=40).station is None  # written down ten at a time from then on
    refused = client_link(strict, source, station.identity, path=f"/wrong/{station.identity}", password=PASSWORD)
    assert refused.refusal() == 404  # with its identity it is known


def mistakes(station):
    """Options of the client, and what is recorded: cause, mistake, and words of the cause."""
    identity = station.identity
    lower = [("Authorization", basic(identity.lower(), PASSWORD))]

    def address(path, *told, **more):
        return {"path": path, "headers": [("Authorization", basic(identity, PASSWORD))], **more}, *told

    return {
        "other case": address(f"/ocpp/{identity.lower()}", "unknown_identity", "case", "its identity here is"),
        "blanks": address(f"/ocpp/{identity}%20", "unknown_identity", "blanks", "extra spaces"),
        "other prefix": address(f"/steve/websocket/{identity}", "unknown_path", "path", "wrong address"),
        "prefix twice": address(f"/ocpp/ocpp/{identity}", "unknown_path", "path", "wrong address"),
        "something behind": address(f"/ocpp/{identity}/s3cret", "unknown_path", "path", "wrong address"),
        "no identity": address("/ocpp/", "unknown_path", "user", "has no identity"),
        "no version": address(f"/ocpp/{identity}", "no_subprotocol", "", "OCPP version", subprotocols=()),
        "other version": address(
            f"/ocpp/{identity}", "wrong_subprotocol", "", "OCPP versions", subprotocols=("ocpp2.0.1",)
        ),
        "both": address(f"/ocpp/{identity.lower()}", "no_subprotocol", "case", "its identity here", subprotocols=()),
        "password in other case": ({"password": PASSWORD.upper()}, "wrong_credentials", "password_case", "case only"),
        "password with a line break": (
            {"password": PASSWORD + "\n"},
            "wrong_credentials",
            "password_blanks",
            "extra spaces",
        ),
        "user in other case": ({"headers": lower}, "wrong_user", "user_case", "user name"),
    }


MISTAKES = [
    "other case", "blanks", "other prefix", "prefix twice", "something behind", "no identity", "no version",
    "other version", "both", "password in other case", "password with a line break", "user in other case",
]  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_who_resembles_a_station_is_shown_to_its_team_with_cause_and_cure(system, strict, source, name):
    station = system.station(password=PASSWORD.encode())
    options, cause, near, words = mistakes(station)[name]
    assert client_link(strict, source, station.identity, **options).refusal() in (400, 401, 404)
    row = row_of(remote_address=source)
    assert (row.station_id, row.cause, row.near) == (station.pk, cause, near)
    assert words in cause_label(row) and fix_label(row)
    assert row.authentication == "Basic" and not row.is_tls
    shown = f"{row.path} {row.identity} {cause_label(row)} {fix_label(row)}"
    assert not any(secret in shown for secret in ("s3cret", PASSWORD, PASSWORD.upper()))


def test_an_identity_that_resembles_two_stations_is_shown_to_neither_team(system, strict, source):
    ChargingStation.objects.filter(identity__in=["Twin-1", "TWIN-1"]).delete()
    system.station(identity="Twin-1")
    system.station(identity="TWIN-1")
    assert client_link(strict, source, "twin-1").refusal() == 404
    assert row_of(remote_address=source).station is None


def test_nobody_can_fill_a_teams_list(system, strict, source):
    station = system.station()
    sources = [next(SOURCE) for _ in range(30)]
    for each in sources:
        assert client_link(strict, each, station.identity.lower()).refusal() == 404
    rows = RefusedConnection.objects.filter(station=station)
    until(lambda: sum(rows.values_list("count", flat=True)) == 30)
    assert 21 <= rows.count() <= 25  # some are written at the same time
    assert rows.get(remote_address="").count >= 6


@pytest.mark.parametrize("path", ["/ocpp/NOBODY/s3cret", "/x/y/s3cret", "/ocpp/NOBODY/a:s3cret@b"])
def test_a_strangers_address_is_cut_where_a_password_may_stand(strict, source, path):
    assert client_link(strict, source, path=path).refusal() == 404
    row = row_of(remote_address=source)
    assert "s3cret" not in f"{row.path} {row.identity}" and row.path.endswith("…")


def test_a_proxy_that_is_not_named_is_noted(system, strict, source):
    """Behind it all clients look like one, so that limits per source hit everybody."""
    UnnamedProxy.objects.all().delete()
    station = system.station(password=PASSWORD.encode())
    with client_link(strict, source, station.identity, password=PASSWORD).opened() as link:
        assert link.call("Heartbeat")
    assert not UnnamedProxy.objects.exists()  # it is named there
    with client_link(system.gateway, source, station.identity, password=PASSWORD).opened() as link:
        assert link.call("Heartbeat")
    until(lambda: UnnamedProxy.objects.filter(address="127.0.0.1").exists())
    assert "TRUSTED_PROXIES" in system.gateway.log()
    late = system.new_gateway("late")
    until(late.answers, START_SECONDS, late.name)
    assert "TRUSTED_PROXIES" in late.log()  # said at the start
    late.end()
    system.processes.remove(late)
