"""Every action of a station is answered by its schema and is visible once the inbox is drained (T21, T22, T25, T40)."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from chargers.models import Connector, Oddity
from maintenance.models import CertificateRequest, InboxEntry, Message, ProgressReport, SecurityEvent, StationLink
from sessions.models import ChargingSession, MeterReading
from tests import factories
from tests.ocpp_gateway.link import moment, start_payload, wh
from tests.ocpp_gateway.running_system import until

pytestmark = pytest.mark.processes


def test_a_boot_is_kept_and_answered_with_our_time(system):
    """T21, W60, V26, V33, P22, P23, D6."""
    station = system.station(registration="new")
    with system.link(station) as link:
        answer = link.boot(
            chargePointSerialNumber="S1", chargeBoxSerialNumber="B1", firmwareVersion="1.2", iccid="I", imsi="M",
            meterType="T", meterSerialNumber="MS",
        )  # fmt: skip
    assert answer["status"] == "Accepted" and answer["interval"] == 300
    assert abs(datetime.fromisoformat(answer["currentTime"]) - datetime.now(UTC)) < timedelta(seconds=2)
    station.refresh_from_db()
    assert (station.vendor, station.model, station.serial_number, station.charge_box_serial_number) == (
        "Maker", "Box", "S1", "B1")  # fmt: skip
    assert (station.firmware_version, station.iccid, station.imsi, station.meter_type, station.meter_serial_number) == (
        "1.2", "I", "M", "T", "MS")  # fmt: skip
    assert (station.registration, station.boot_count) == ("accepted", 1) and station.booted_at


def test_a_reconnect_without_a_boot_is_normal(system, station):
    """T22."""
    with system.link(station) as link:
        transaction = link.start()
    with system.link(station) as link:
        link.meter(transaction, wh(1500))
        link.stop(transaction)
    assert ChargingSession.objects.get(pk=transaction).energy_wh == 1000


def test_tags_are_judged(system, link, station):
    """T34: known, blocked, expired, scoped, in any case."""
    now = datetime.now(UTC)
    assert system.tag.value == "GOODTAG"
    factories.TagFactory(team=system.team, value="BLOCKED1", status="blocked")
    factories.TagFactory(team=system.team, value="EXPIRED1", expires_at=now - timedelta(days=1))
    factories.TagFactory(team=system.team, value="LATER1", expires_at=now + timedelta(days=1), parent="FAMILY")
    factories.TagFactory(team=system.team, value="ELSEWHERE1", scope="selected").stations.add(system.station())
    factories.TagFactory(team=system.team, value="HERE1", scope="selected").stations.add(station)
    factories.TagFactory(value="STRANGERS1")
    for value, status in {"GOODTAG": "Accepted", "goodTag": "Accepted", "BLOCKED1": "Blocked", "EXPIRED1": "Expired",
                          "LATER1": "Accepted", "ELSEWHERE1": "Invalid", "HERE1": "Accepted", "STRANGERS1": "Invalid",
                          "NOBODY": "Invalid", "": "Invalid", "'; --": "Invalid", "%": "Invalid"}.items():  # fmt: skip
        info = link.call("Authorize", idTag=value)["idTagInfo"]
        assert info["status"] == status, value
        assert ("parentIdTag" in info, "expiryDate" in info) == (value == "LATER1", value in ("LATER1", "EXPIRED1"))


def test_a_whole_session_with_readings(system, station, link):
    """B1, B3, T39, W79."""
    answer = link.call("StartTransaction", **start_payload(meterStart=1000))
    assert answer["idTagInfo"]["status"] == "Accepted" and answer["transactionId"] > 0
    transaction = answer["transactionId"]
    link.meter(transaction, wh(1500), {"value": "7.4", "measurand": "Power.Active.Import", "unit": "kW"})
    link.meter(transaction, {"value": "3.25", "unit": "kWh"}, {"value": "63", "measurand": "SoC", "unit": "Percent"})
    system.drained(station)
    session = ChargingSession.objects.get(pk=transaction)
    assert (session.is_open, session.energy_wh, session.power_w, session.state_of_charge) == (True, 2250, 7400, 63)
    assert link.stop(transaction, meterStop=3500, idTag="goodtag", reason="EVDisconnected") == {
        "idTagInfo": {"status": "Accepted"}
    }
    system.drained(station)
    session.refresh_from_db()
    assert (session.energy_wh, session.stop_reason, session.closed_by) == (2500, "EVDisconnected", "station")
    assert (session.sample_count, session.readings.count(), session.flags, session.power_w) == (4, 2, [], 0)
    assert session.is_billable and session.tag == system.tag


def test_statuses_reach_their_connectors_and_the_station(system, station, link):
    for number, status in ((0, "Unavailable"), (1, "Charging"), (2, "Faulted")):
        error = "GroundFailure" if status == "Faulted" else "NoError"
        link.call("StatusNotification", connectorId=number, status=status, errorCode=error, info="x",
                  vendorErrorCode="77", timestamp=moment())  # fmt: skip
    system.drained(station)
    station.refresh_from_db()
    rows = Connector.objects.filter(station=station).values_list("number", "status", "error_code", "vendor_error_code")
    assert set(rows) == {(1, "Charging", "", "77"), (2, "Faulted", "GroundFailure", "77")}
    assert station.status == "Unavailable"


def test_long_jobs_and_security_events_are_kept(system, station, link):
    """T40, T41: stored before they are answered, the same event once."""
    at = moment()
    for action, payload in [
        ("FirmwareStatusNotification", {"status": "Downloading"}),
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}),
        ("LogStatusNotification", {"status": "Uploading", "requestId": 4}),
        ("SignedFirmwareStatusNotification", {"status": "InvalidSignature", "requestId": 5}),
        ("SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": at, "techInfo": "lid"}),
        ("SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": at, "techInfo": "lid"}),
    ]:
        assert link.call(action, **payload) == {}
    for _ in range(2):
        assert link.call("SignCertificate", csr="-----BEGIN CERTIFICATE REQUEST-----") == {"status": "Rejected"}
    system.drained(station)
    assert set(ProgressReport.objects.filter(station=station).values_list("job", "status", "request_id")) == {
        ("firmware", "Downloading", None), ("diagnostics", "Uploaded", None), ("log", "Uploading", 4),
        ("signed_firmware", "InvalidSignature", 5)}  # fmt: skip
    event = SecurityEvent.objects.get(station=station)
    assert (event.type, event.tech_info) == ("TamperDetectionActivated", "lid")
    assert CertificateRequest.objects.filter(station=station).count() == 1


def test_an_unknown_vendor_is_told_so(link):
    assert link.call("DataTransfer", vendorId="org.example", messageId="m", data="d") == {"status": "UnknownVendorId"}


def test_every_message_is_in_the_log_with_its_answer(station, link):
    """The inbox is the message log (P32)."""
    answer = link.call("Heartbeat")
    link.call("Authorize", idTag="GOODTAG")
    rows = list(Message.objects.filter(station=station).order_by("pk"))
    assert [(row.action, row.direction, row.error_code) for row in rows] == [
        ("Heartbeat", "in", ""),
        ("Authorize", "in", ""),
    ]
    assert json.loads(rows[0].answer) == answer
    assert json.loads(rows[1].payload) == {"idTag": "GOODTAG"}


def test_a_deferred_message_is_durable_before_its_answer(station, link):
    """Nothing is acknowledged before its commit."""
    for number in range(20):
        link.exchange([2, f"d{number}", "StatusNotification",
                       {"connectorId": 1, "status": "Available", "errorCode": "NoError"}])  # fmt: skip
        assert Message.objects.filter(station=station, message_id=f"d{number}").exists()


# --- replays (B1, T25, T27, T28, T30) ------------------------------------------------------------------------------


def test_a_start_again_has_the_same_id_whatever_link_or_message_id(system, station):
    """T25: same link, new link, new process, after the stop, with the same message id."""
    start = start_payload()
    with system.link(station) as link:
        first = link.call("StartTransaction", **start)
        assert link.call("StartTransaction", **start) == first
        assert link.exchange([2, "same", "StartTransaction", start])[2] == first
        assert link.exchange([2, "same", "StartTransaction", start])[2] == first
    with system.link(station, system.other) as link:
        assert link.call("StartTransaction", **start) == first
        link.stop(first["transactionId"])
        assert link.call("StartTransaction", **start) == first
    session = ChargingSession.objects.get(station=station)
    assert session.transaction_id == first["transactionId"] and not session.is_open


def test_a_stop_again_is_answered_and_applied_once(system, station, link):
    """T27."""
    transaction, end = link.start(), {"meterStop": 5000, "timestamp": moment(), "idTag": "GOODTAG"}
    assert link.stop(transaction, **end) == link.stop(transaction, **end)
    with system.link(station, system.other) as other:
        assert other.stop(transaction, **end)
    assert ChargingSession.objects.get(station=station).energy_wh == 4000
    assert not Oddity.objects.filter(station=station).exists()


def test_a_second_different_stop_is_kept_as_an_oddity(station, link):
    """T27: the first one wins."""
    transaction = link.start()
    link.stop(transaction, meterStop=5000)
    link.stop(transaction, meterStop=9000)
    session = ChargingSession.objects.get(station=station)
    assert (session.energy_wh, session.flags) == (4000, ["conflicting_stop"])
    assert json.loads(Oddity.objects.get(station=station).payload)["meterStop"] == 9000


def test_a_stranger_cannot_touch_a_session(system, station, link):
    """T28, T30, S7: neither with a stop nor with readings."""
    transaction = link.start()
    with system.link() as stranger:
        stranger.meter(transaction, wh(999_999))
        stranger.stop(transaction, meterStop=999_999)
        foreign = ChargingSession.objects.get(station__identity=stranger.identity)
    system.drained(station)
    session = ChargingSession.objects.get(station=station)
    assert session.is_open and session.energy_wh == 0 and session.sample_count == 0
    assert foreign.flags == ["reconstructed"] and foreign.reported_transaction_id == transaction


@pytest.mark.parametrize("number", [0, -1])
def test_a_stop_with_an_id_the_station_never_learnt_ends_its_only_session(system, station, link, number):
    """T29, errata 3.18."""
    transaction = link.start()
    end = {"meterStop": 1700, "timestamp": moment()}
    link.stop(number, **end)
    link.stop(number, **end)
    session = ChargingSession.objects.get(station=station)
    assert (session.pk, session.energy_wh, session.is_open) == (transaction, 700, False)


def test_a_stop_that_comes_before_its_readings(system, station, link):
    """B1: samples that arrive after the stop still count."""
    transaction = link.start(timestamp=moment(60))
    link.stop(transaction, meterStop=1900)
    link.meter(transaction, wh(1400), at=moment(30))
    link.meter(None, wh(1600), at=moment(20))
    system.drained(station)
    session = ChargingSession.objects.get(pk=transaction)
    assert (session.sample_count, session.energy_wh, session.flags) == (2, 900, [])


def test_a_next_start_supersedes_what_was_open_and_a_late_stop_still_wins(station, link):
    """T27, rule 5."""
    first = link.start(timestamp=moment(100))
    second = link.start(timestamp=moment(10), meterStart=4000)
    session = ChargingSession.objects.get(pk=first)
    assert (session.closed_by, session.flags) == ("superseded", ["superseded"])
    link.stop(first, meterStop=3900, timestamp=moment(20))
    session.refresh_from_db()
    assert (session.closed_by, session.flags, session.energy_wh) == ("station", [], 2900)
    assert ChargingSession.objects.get(pk=second).is_open


def test_a_session_under_a_bad_tag_is_kept(station, link):
    """B2, T33."""
    answer = link.call("StartTransaction", **start_payload(idTag="NOBODY"))
    assert answer["idTagInfo"]["status"] == "Invalid" and answer["transactionId"] > 0
    link.stop(answer["transactionId"], reason="DeAuthorized")
    session = ChargingSession.objects.get(station=station)
    assert (session.authorization, session.is_billable, session.flags) == ("Invalid", False, ["unauthorised"])
    assert session.energy_wh == 1000


def test_an_offline_queue_is_taken_whole(system, station, link):
    """T31: 150 kept messages at once, none refused by a limiter."""
    for number in range(30):
        transaction = link.start(timestamp=moment(100_000 - number * 1000), meterStart=number * 1000)
        for part in (1, 2, 3):
            link.meter(transaction, wh(number * 1000 + part * 100), at=moment(100_000 - number * 1000 - part * 100))
        link.stop(transaction, meterStop=number * 1000 + 400, timestamp=moment(100_000 - number * 1000 - 400))
    system.drained(station)
    sessions = ChargingSession.objects.filter(station=station)
    assert sessions.count() == 30
    assert {(s.energy_wh, s.sample_count, s.closed_by) for s in sessions} == {(400, 3, "station")}
    assert all("offline" in s.flags for s in sessions)


def test_a_stop_with_a_thousand_samples(system, station, link):
    """T37: 250 kB and more."""
    transaction = link.start(timestamp=moment(4000))
    data = [
        {"timestamp": moment(4000 - 3 * number), "sampledValue": [
            wh(1000 + number, context="Sample.Periodic", location="Outlet", format="Raw", phase="L1")]}
        for number in range(1, 1001)
    ]  # fmt: skip
    assert len(json.dumps(data)) > 200_000
    link.stop(transaction, meterStop=2000, transactionData=data)
    system.drained(station)
    session = ChargingSession.objects.get(pk=transaction)
    assert (session.sample_count, session.readings.count(), session.energy_wh) == (1000, 1000, 1000)


def test_readings_without_a_session_are_kept_too(system, station, link):
    """T24: clock-aligned values of an idle connector, values of an unknown session."""
    link.meter(None, wh(5), connector=2)
    link.meter(987_654_321, wh(6), connector=2, at=moment(5))
    system.drained(station)
    rows = MeterReading.objects.filter(station=station).values_list("connector_number", "energy_wh", "session")
    assert set(rows) == {(2, 5, None), (2, 6, None)}


def test_times_with_six_digits_and_zones_are_read_exactly(system, station, link):
    """T35."""
    transaction = link.start(timestamp="2026-03-01T12:00:00.123456+02:00")
    link.stop(transaction, timestamp="2026-03-01T10:30:00.9999999Z")
    session = ChargingSession.objects.get(pk=transaction)
    assert session.started_at == datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert session.stopped_at == datetime(2026, 3, 1, 10, 30, 0, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    "start", ["1970-01-01T00:00:05Z", "0002-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "9998-12-31T23:59:59Z"]
)
def test_a_wrong_clock_is_flagged_and_loses_nothing(system, station, link, start):
    """F16, rule 13."""
    transaction = link.start(timestamp=start)
    link.meter(transaction, wh(1300), at=start)
    link.stop(transaction, timestamp=moment(), meterStop=1800)
    system.drained(station)
    session = ChargingSession.objects.get(pk=transaction)
    assert session.energy_wh == 800 and "clock" in session.flags and session.duration >= timedelta(0)


def test_hostile_figures_never_stop_the_inbox(system, station, link):
    """S11, F23: what cannot be a figure is kept as it was sent, and the next reading counts."""
    transaction = link.start(meterStart=0)
    odd = ("9" * 400, "1e400", "-1e15", "1e15", "NaN", "Infinity", "", "abc", "0x10", "1e-99999999", "<script>", "٣٤",
           "1_000", "\u202e5", "5,5", "999999999999999")  # fmt: skip
    for number, value in enumerate(odd):
        link.meter(transaction, {"value": value}, {"value": value, "measurand": "Power.Active.Import", "unit": "kW"},
                   {"value": value, "measurand": "SoC"}, {"value": value, "measurand": "Current.Import", "phase": "L1"},
                   at=moment(50 - number))  # fmt: skip
    system.drained(station)
    link.meter(transaction, wh(700), at=moment(1))
    link.stop(transaction, meterStop=800)
    system.drained(station)
    assert not InboxEntry.objects.filter(station=station).exists()
    session = ChargingSession.objects.get(pk=transaction)
    assert session.energy_wh == 800 and session.readings.count() == 17


# --- links, epochs, presence (B7, F12, F15, T22) ---------------------------------------------------------------------


def presence(station):
    return type(station).objects.with_presence().get(pk=station.pk).presence


@pytest.mark.parametrize("second", ["gateway", "other"])
def test_the_newest_link_wins_and_the_late_end_of_the_old_one_harms_nothing(system, station, second):
    """B7, S3, F12, F15: in one process and over two."""
    old = system.link(station)
    with system.link(station, getattr(system, second)) as new:
        assert old.close_code(5) == 3000
        old_link = StationLink.objects.filter(station=station).order_by("epoch").first()
        until(lambda: StationLink.objects.get(pk=old_link.pk).closed_at, what="end of the old link is booked")
        assert presence(station) == "online"
        assert new.call("Heartbeat")
    until(lambda: presence(station) == "offline")


def test_presence_is_unknown_online_offline(system, station):
    """B7."""
    assert presence(station) == "unknown"
    link = system.link(station)
    assert presence(station) == "online"
    link.close()
    until(lambda: presence(station) == "offline")
    link = system.link(station)
    assert presence(station) == "online"
    link.vanish()
    until(lambda: presence(station) == "offline")


def test_a_zombie_changes_nothing(system, station):
    """F12, rule 3: a link whose epoch is not the newest is closed by its next message, unanswered and unbooked."""
    for action, payload in [
        ("StartTransaction", start_payload()),
        ("StopTransaction", {"transactionId": 1, "meterStop": 5, "timestamp": moment()}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": moment(), "sampledValue": [wh(5)]}]}),
        ("Heartbeat", {}),
    ]:
        zombie = system.link(station)
        station.refresh_from_db()
        type(station).objects.filter(pk=station.pk).update(epoch=station.epoch + 1)  # a newer link nobody was told of
        zombie.send([2, "zombie", action, payload])
        assert zombie.close_code() == 3000
    assert not station.charging_sessions.exists()
    assert not Message.objects.filter(station=station, message_id="zombie").exists()


def clock_of(station):
    """A list of one, or empty; it is noted shortly after the inbox is drained."""
    stations = type(station).objects.filter(pk=station.pk, clock_offset_ms__isnull=False)
    return list(stations.values_list("clock_offset_ms", flat=True))


def test_a_clock_offset_is_measured(system, station, link):
    """B25."""
    link.call("StatusNotification", connectorId=1, status="Available", errorCode="NoError", timestamp=moment(-600))
    assert 599_000 < until(lambda: clock_of(station), what="a measured clock")[0] < 601_000


def test_a_backlog_is_no_measure_of_the_clock(system, station, link):
    """B25: what a station tells first after it was away was written long ago."""
    link.boot()
    for ago in (7200, 3600, 600):
        link.call("StatusNotification", connectorId=1, status="Available", errorCode="NoError", timestamp=moment(ago))
    system.drained(station)
    assert not clock_of(station)
    link.call("StatusNotification", connectorId=1, status="Available", errorCode="NoError", timestamp=moment())
    assert abs(until(lambda: clock_of(station), what="a measured clock")[0]) < 1000


def test_a_log_of_links_is_kept(system, station):
    """W110."""
    system.link(station).close()
    row = until(lambda: StationLink.objects.filter(station=station, closed_at__isnull=False).first())
    assert (row.close_code, row.subprotocol, row.remote_address) == (1000, "ocpp1.6", "127.0.0.1")
