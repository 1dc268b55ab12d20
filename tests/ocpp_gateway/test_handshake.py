"""Who may open a link, and what a refused one is told (T1-T3, T4, T11)."""

import http.client

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import StationPasswords, Team
from chargers.credentials.services import password_columns
from chargers.models import ChargingStation, Event
from maintenance.models import Deviation, RefusedConnection, StationLink
from operations.commands.services.asking import request_command
from operations.models import Command
from tests import factories
from tests.ocpp_gateway.link import Link, basic
from tests.ocpp_gateway.running_system import PASSWORD, START_SECONDS, until

pytestmark = pytest.mark.processes


@pytest.fixture
def exact(system):
    """A gateway that takes addresses to the letter."""
    gateway = system.new_gateway("exact", OCPP_LENIENT_PATHS="0")
    until(gateway.answers, START_SECONDS, gateway.name)
    yield gateway
    gateway.end()
    system.processes.remove(gateway)


def client_link(system, identity="", *, gateway=None, **options):
    return Link((gateway or system.gateway).url, identity, **options)


# --- addresses (T1) ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ocpp",
        "/ocpp/",
        "/ocpp/NOBODY",
        "/OCPP/{identity}",
        "/ocpp/{identity}/1",
        "/ocpp//x/{identity}",
        "//x/{identity}/",
        "/x/{identity}",
        "/OCPP//{identity}/",
        "/ocpp/ocpp/{identity}",
        "/ocpp/x/../{identity}",
        "/ocpp/{identity}%00",
        "/ocpp/{identity}%0d%0aX-Evil:%201",
        "/ocpp/x%2F{identity}",
        "/ocpp/%2e%2e%2f{identity}",
        "/ocpp/{identity}%",
        "/ocpp/{identity}%zz",
        "/ocpp/%ff%fe",
        "/ocpp/" + "A" * 49,
        "/ocpp/" + "%C3%A4" * 49,
        "/ocpp/{lower}",
        "//{lower}",
        "/ocpp//",
        "//",
        "//NOBODY",
        "/{identity}%2F",
        "/%2F{identity}",
        "/..%2F{identity}",
        "/../{identity}",
        "//../{identity}//",
        "/./{identity}",
        "/{identity}/..",
        "/ocpp%2F{identity}",
        "/{identity}%00/",
        "/live",
        "/live/",
        "/admin/",
    ],
)
def test_any_other_address_or_identity_is_404(system, path):
    """T1, S37, V19."""
    station = system.station()
    path = path.format(identity=station.identity, lower=station.identity.lower())
    assert client_link(system, station.identity, path=path, password=PASSWORD).refusal() == 404


@pytest.mark.parametrize("identity", ["Säule 7 / Hof", "a:b", "x" * 48, "ö" * 48, "50%", "q?x=1#y", "充電器-1", "a+b"])
def test_identities_are_percent_encoded(system, identity):
    """T1, T3: blanks, umlauts, colons and slashes within one segment of the address."""
    ChargingStation.objects.filter(identity=identity).delete()
    station = system.station(identity=identity)
    with system.link(station) as link:
        assert link.call("Heartbeat")["currentTime"]


@pytest.mark.parametrize(
    "path", ["//{}", "///{}", "/{}", "/{}/", "/{}//", "/ocpp/{}/", "/ocpp//{}", "/ocpp//{}//", "//ocpp/{}", "//{}?a=1"]
)
def test_slashes_too_many_or_no_prefix_lead_to_a_known_station(system, station, path):
    """It is served, and that it deviates is counted once per link (B15)."""
    for count in (1, 2):
        with client_link(
            system, station.identity, path=path.format(station.identity), password=PASSWORD
        ).opened() as link:
            assert link.call("Heartbeat") and link.boot()["status"] == "Accepted"
        rows = Deviation.objects.filter(station=station, action="", code="", what="path: slashes")
        until(lambda n=count, rows=rows: rows.filter(count=n).exists())
    assert not RefusedConnection.objects.filter(station=station).exists()


def test_a_regular_address_counts_no_deviation(system, station):
    with system.link(station) as link:
        assert link.call("Heartbeat")
    assert not Deviation.objects.filter(station=station).exists()


def test_an_encoded_slash_belongs_to_the_identity_however_the_address_is_built(system):
    """S37: no way of writing one station's address reaches another one."""
    plain, nested = system.station(identity="PLAIN-1"), system.station(identity="HOF/PLAIN-1")
    for path in ("//HOF%2FPLAIN-1", "/ocpp/HOF%2FPLAIN-1/"):
        assert client_link(system, plain.identity, path=path, password=PASSWORD).refusal() == 401
        with client_link(system, nested.identity, path=path, password=PASSWORD).opened() as link:
            assert link.call("Heartbeat")
    assert not StationLink.objects.filter(station=plain).exists()


@pytest.mark.parametrize(
    ("path", "cause"), [("/ocpp//STRANGER-9", "unknown_identity"), ("//STRANGER-9", "unknown_path")]
)
def test_a_stranger_with_an_irregular_address_never_reaches_the_pool(system, path, cause):
    """D4, S6."""
    assert client_link(system, gateway=system.other, path=path).refusal() == 404
    assert until(lambda: RefusedConnection.objects.filter(path=path).first()).cause == cause
    assert not ChargingStation.objects.filter(identity="STRANGER-9").exists()


def test_irregular_addresses_can_be_refused_by_a_setting(system, station, exact):
    for path in (f"//{station.identity}", f"/ocpp/{station.identity}/", f"/{station.identity}"):
        assert client_link(system, station.identity, gateway=exact, path=path, password=PASSWORD).refusal() == 404
    with system.link(station, exact) as link:
        assert link.call("Heartbeat")


def test_a_query_does_not_hurt(system, station):
    with client_link(
        system, station.identity, path=f"/ocpp/{station.identity}?a=1", password=PASSWORD
    ).opened() as link:
        assert link.call("Heartbeat")


def test_plain_http_at_the_endpoint_is_404(system, station):
    door = http.client.HTTPConnection("127.0.0.1", system.gateway.port, timeout=5)
    door.request("GET", f"/ocpp/{station.identity}")
    assert door.getresponse().status == 404


# --- credentials (T2, T3, T4) --------------------------------------------------------------------------------------


def wrong_headers(identity):
    good = basic(identity, PASSWORD)
    return {
        "none": [],
        "wrong password": [("Authorization", basic(identity, "wrong"))],
        "empty password": [("Authorization", basic(identity, ""))],
        "password longer by one": [("Authorization", basic(identity, PASSWORD + "0"))],
        "wrong user": [("Authorization", basic("other", PASSWORD))],
        "user in other case": [("Authorization", basic(identity.lower(), PASSWORD))],
        "no colon": [("Authorization", "Basic " + "QUJD")],
        "no base64": [("Authorization", "Basic ???")],
        "no scheme": [("Authorization", PASSWORD)],
        "bearer": [("Authorization", f"Bearer {PASSWORD}")],
        "empty": [("Authorization", "")],
        "two headers": [("Authorization", good), ("Authorization", good)],
        "two headers, one wrong": [("Authorization", basic(identity, "wrong")), ("Authorization", good)],
    }


@pytest.mark.parametrize("name", wrong_headers(""))
def test_wrong_or_missing_credentials_are_401_before_the_upgrade(system, station, name):
    """T2, T3, S1, S36, V19."""
    assert client_link(system, station.identity, headers=wrong_headers(station.identity)[name]).refusal() == 401
    assert not StationLink.objects.filter(station=station).exists()


def test_401_says_how_to_log_in(system, station):
    """T2."""
    door = http.client.HTTPConnection("127.0.0.1", system.gateway.port, timeout=5)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "ocpp1.6"}  # fmt: skip
    door.request("GET", f"/ocpp/{station.identity}", headers=upgrade)
    answer = door.getresponse()
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_another_stations_password_is_refused(system, station):
    """S1: credentials of station B on the path of station A."""
    other = system.station(password=b"another password")
    headers = [("Authorization", basic(other.identity, "another password"))]
    assert client_link(system, station.identity, headers=headers).refusal() == 401


def test_a_station_without_a_password_never_gets_in(system):
    station = system.station(password=None)
    assert client_link(system, station.identity, password="").refusal() == 401


BYTES = bytes.fromhex("00ff3a80c3280d0a7f1b5c22feed0a99")


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        (BYTES, BYTES),
        (BYTES, BYTES.hex().encode()),
        (BYTES, BYTES.hex().upper().encode()),
        (BYTES.hex().encode(), BYTES),
        (BYTES.hex().upper().encode(), BYTES),
        (BYTES.hex().upper().encode(), BYTES.hex().encode()),
        (b"pass:word:with:colons", b"pass:word:with:colons"),
        ("Straße".encode(), "Straße".encode()),
    ],
)
def test_binary_passwords_fit_as_bytes_and_as_hex_text(system, stored, given):
    """T4, errata 2023-12 on BasicAuthPassword."""
    station = system.station(password=stored)
    with system.link(station, password=given) as link:
        assert link.call("Heartbeat")


def guess_until_throttled(system, station):
    for _ in range(3):
        assert client_link(system, station.identity, password="guess").refusal() == 401
    assert client_link(system, station.identity, password="guess").refusal() == 429


def test_guessing_is_throttled_per_source_and_station(system, station):
    """S4: a neighbour behind the same address is not locked out; nor is any refusal a 5xx."""
    neighbour = system.station()
    guess_until_throttled(system, station)
    with system.link(neighbour) as link:
        assert link.call("Heartbeat")


@pytest.mark.parametrize("is_hashed", [False, True])
def test_the_right_password_opens_the_door_however_many_wrong_ones_came_before(system, is_hashed):
    """Whoever shares the address of a station cannot keep it offline."""
    facts = password_columns(PASSWORD.encode(), Team(station_passwords=StationPasswords.SHOW_ONCE if is_hashed else ""))
    station = system.station(**facts)
    guess_until_throttled(system, station)
    with system.link(station) as link:
        assert link.call("Heartbeat")
    assert client_link(system, station.identity, password="guess").refusal() == 429
    row = until(lambda: RefusedConnection.objects.filter(station=station, cause="too_many_attempts").first())
    assert row.count >= 1


@pytest.mark.parametrize("is_hashed", [False, True])
def test_a_weak_password_keeps_the_hard_limit(system, is_hashed):
    """A short one can be guessed, so that guessing on must tell nothing."""
    weak = PASSWORD[:-1]
    facts = password_columns(weak.encode(), Team(station_passwords=StationPasswords.SHOW_ONCE if is_hashed else ""))
    station = system.station(**facts)
    with system.link(station, password=weak) as link:
        assert link.call("Heartbeat")
    guess_until_throttled(system, station)
    assert client_link(system, station.identity, password=weak).refusal() == 429


def test_a_hash_of_unknown_strength_is_judged_by_the_next_login(system):
    facts = password_columns(PASSWORD.encode(), Team(station_passwords=StationPasswords.SHOW_ONCE))
    station = system.station(**facts | {"has_weak_password": None})
    guess_until_throttled(system, station)
    assert client_link(system, station.identity, password=PASSWORD).refusal() == 429  # it may be weak
    cache.delete(f"ocpp-wrong:127.0.0.1:{station.pk}")  # a minute later
    with system.link(station) as link:
        assert link.call("Heartbeat")
    station.refresh_from_db()
    assert station.has_weak_password is False
    guess_until_throttled(system, station)
    with system.link(station) as link:
        assert link.call("Heartbeat")


def test_missing_credentials_are_no_guess(system, station):
    for _ in range(5):
        assert client_link(system, station.identity).refusal() == 401
    with system.link(station) as link:
        assert link.call("Heartbeat")


# --- encryption (T7) -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def behind_proxy(inside):
    """A gateway that believes what a proxy on this machine says."""
    system = inside
    gateway = system.new_gateway("behind-proxy", TRUSTED_PROXIES="127.0.0.1")
    until(gateway.answers, START_SECONDS, gateway.name)
    yield gateway
    gateway.end()
    system.processes.remove(gateway)


def forwarded(station, proto):
    return [("Authorization", basic(station.identity, PASSWORD)), ("X-Forwarded-Proto", proto)]


@pytest.mark.parametrize(("profile", "status"), [(None, 101), (0, 101), (1, 101), (2, 403), (3, 403)])
def test_a_station_that_was_set_to_tls_is_refused_without_it(system, profile, status):
    """T7; the cause is told in the doctor, and a password that came in the clear is not even looked at."""
    station = system.station(security_profile=profile)
    if status == 101:
        with system.link(station) as link:
            assert link.call("Heartbeat")
        return
    for password in (PASSWORD, "wrong"):
        assert client_link(system, station.identity, password=password).refusal() == status
    row = until(lambda: RefusedConnection.objects.filter(station=station, count=2).first())
    assert (row.cause, row.is_tls) == ("not_encrypted", False)
    with_header = Link(system.gateway.url, station.identity, headers=forwarded(station, "https"))
    assert with_header.refusal() == status  # nobody but a trusted proxy may say so (S35)


@pytest.mark.parametrize("proto", ["https", "wss"])
def test_a_proxy_that_is_trusted_tells_that_a_link_is_encrypted(system, behind_proxy, proto):
    """T7, S35."""
    station = system.station(security_profile=2)
    with Link(behind_proxy.url, station.identity, headers=forwarded(station, proto)).opened() as link:
        assert link.call("Heartbeat")
    for headers in (forwarded(station, "http"), forwarded(station, "ws"), forwarded(station, "")[:1]):
        assert Link(behind_proxy.url, station.identity, headers=headers).refusal() == 403


def test_a_station_that_accepts_a_profile_with_tls_comes_back_with_it_only(system, station):
    """T7: and never lowers it by its own word."""
    with system.link(station) as link:
        assert link.call("Heartbeat")
        for value in ("2", "1"):
            request_command(station=station, kind="change_configuration",
                            parameters={"key": "SecurityProfile", "value": value})  # fmt: skip
            link.answer_next("ChangeConfiguration", {"status": "Accepted"})
            until(lambda: not Command.objects.unsettled().filter(station=station).exists())
    station.refresh_from_db()
    assert station.security_profile == 2
    assert client_link(system, station.identity, password=PASSWORD).refusal() == 403
    ChargingStation.objects.filter(pk=station.pk).update(security_profile=None)  # the way back
    with system.link(station) as link:
        assert link.call("Heartbeat")


# --- subprotocols (T11) --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", [("ocpp2.0.1",), ("ocpp1.5", "ocpp2.1"), ("OCPP1.6",), ("mqtt",)])
def test_no_common_subprotocol_is_400(system, station, offered):
    """T11."""
    assert client_link(system, station.identity, password=PASSWORD, subprotocols=offered).refusal() == 400


@pytest.mark.parametrize("offered", [("ocpp1.6",), ("ocpp2.0.1", "ocpp1.6"), ("ocpp1.6", "ocpp2.0.1", "ocpp1.5")])
def test_the_first_that_we_speak_is_taken(system, station, offered):
    """T11."""
    with system.link(station, subprotocols=offered) as link:
        assert link.socket.subprotocol == "ocpp1.6"


def test_offering_none_is_400_unless_the_setting_says_otherwise(system, station):
    """T11."""
    assert client_link(system, station.identity, password=PASSWORD, subprotocols=()).refusal() == 400
    with system.link(station, system.other, subprotocols=()) as link:
        assert link.socket.subprotocol is None
        assert link.call("Heartbeat")


# --- the pool (D4, T20) --------------------------------------------------------------------------------------------


def test_a_station_that_connects_is_not_offline_any_more(system, station):
    now = timezone.now()
    other = factories.EventFactory.create(kind=Event.Kind.OFFLINE)
    event = factories.EventFactory.create(station=station, kind=Event.Kind.OFFLINE)
    fault = factories.EventFactory.create(station=station)
    with system.link(station):
        until(lambda: Event.objects.get(pk=event.pk).ended_at is not None)
    assert Event.objects.get(pk=event.pk).ended_at >= now
    assert set(Event.objects.open()) >= {other, fault}


def test_a_stranger_waits_in_the_pool_where_it_is_on(system):
    """D4, T20, Vi3: Pending, and nothing else is heard."""
    with client_link(system, "STRANGER-1", gateway=system.other).opened() as link:
        assert link.error([2, "h", "Heartbeat", {}]) == ("h", "SecurityError")
        assert link.boot()["status"] == "Pending"
        assert link.error([2, "s", "Authorize", {"idTag": "GOODTAG"}]) == ("s", "SecurityError")
    station = ChargingStation.objects.get(identity="STRANGER-1")
    assert (station.team, station.registration, station.vendor) == (None, "pending", "Maker")
    assert not station.charging_sessions.exists()
    assert client_link(system, "STRANGER-2").refusal() == 404  # it is off at the other gateway


def test_the_pool_has_a_limit(system):
    """S6."""
    statuses = []
    for number in range(10, 16):
        link = client_link(system, f"STRANGER-{number}", gateway=system.other)
        try:
            link.open()
            link.close()
            statuses.append(101)
        except Exception:
            statuses.append(404)
    assert 404 in statuses and statuses == sorted(statuses)
    assert ChargingStation.objects.filter(team=None).count() == 3


# --- what is remembered (B6) ---------------------------------------------------------------------------------------


def test_refusals_are_recorded_with_their_cause_and_without_secrets(system):
    """B6, S38."""
    station = system.station()
    secret = "s3cret-that-must-not-be-kept"
    for headers, cause, kind in [
        ([], "no_credentials", ""),
        ([("Authorization", basic(station.identity, secret))], "wrong_credentials", "Basic"),
        ([("Authorization", secret)], "wrong_credentials", "other"),
        ([("Authorization", f"Bearer {secret}")], "wrong_credentials", "Bearer"),
    ]:
        RefusedConnection.objects.filter(station=station).delete()
        path = f"/ocpp/{station.identity}?key={secret}"
        assert client_link(system, station.identity, path=path, headers=headers).refusal() in (401, 429)
        row = until(lambda: RefusedConnection.objects.filter(station=station).first())
        assert (row.cause, row.authentication, row.identity) == (cause, kind, station.identity)
        assert (row.subprotocols, row.remote_address, row.is_tls) == ("ocpp1.6", "127.0.0.1", False)
        assert secret not in str(RefusedConnection.objects.values_list())
    assert secret not in system.gateway.log()


def test_the_same_refusal_is_counted_not_repeated(system):
    """B6."""
    path = "/ocpp/NOBODY-AT-ALL"
    rows = RefusedConnection.objects.filter(remote_address="127.0.0.1", station=None)
    before = sum(rows.values_list("count", flat=True))
    for _ in range(3):
        assert client_link(system, path=path).refusal() == 404
    until(lambda: sum(rows.values_list("count", flat=True)) == before + 3)
    assert set(rows.filter(path=path).values_list("cause", flat=True)) == {"unknown_identity"}
