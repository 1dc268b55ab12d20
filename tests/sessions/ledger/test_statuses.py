"""Connector statuses: the newest report wins (B7), whatever the station's clock (F16)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import ChargingStation
from chargers.stations.services.links import StationSeen, close_link, open_link, record_stations_seen
from chargers.stations.services.statuses import StatusReport, record_statuses
from chargers.vocabulary import ConnectorStatus
from tests import factories

NOW = timezone.now()


def report(station, status, *, minutes=0.0, arrives=None, connector=1, **more):
    """Create a status report for a time in minutes from now, received at that time by default."""
    arrives = minutes if arrives is None else arrives
    return StatusReport(
        station_id=station.pk, connector=connector, status=status, at=NOW + timedelta(minutes=minutes),
        received_at=NOW + timedelta(minutes=arrives), **more,
    )  # fmt: skip


def test_an_old_report_does_not_undo_a_newer_one(station):
    record_statuses([report(station, "Charging", minutes=10)])
    assert record_statuses([report(station, "Available", minutes=5, arrives=11)]) == []
    assert station.connectors.get().status == "Charging"


def test_the_time_of_the_last_change_stays_if_the_status_is_the_same(station):
    record_statuses([report(station, "Charging", minutes=0)])
    record_statuses([report(station, "Charging", minutes=10)])
    connector = station.connectors.get()
    assert connector.status_changed_at == NOW and connector.reported_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize("connector", [0, 1])
def test_a_clock_that_was_ahead_does_not_hide_later_reports(station, connector):
    """F16: the clock is corrected at the next boot."""
    record_statuses([report(station, "Faulted", minutes=60 * 24 * 365 * 70, arrives=0, connector=connector)])
    record_statuses([report(station, "Available", minutes=5, connector=connector)])
    station.refresh_from_db()
    holder = station if connector == 0 else station.connectors.get()
    assert (holder.status, holder.status_changed_at) == ("Available", NOW + timedelta(minutes=5))


@pytest.mark.parametrize("connector", [0, 1])
def test_a_clock_that_was_never_set_uses_the_time_of_arrival(station, connector):
    """F16: 1970 after a power cut."""
    record_statuses([report(station, "Charging", connector=connector)])
    record_statuses([report(station, "Available", minutes=-60 * 24 * 365 * 50, arrives=5, connector=connector)])
    station.refresh_from_db()
    assert (station if connector == 0 else station.connectors.get()).status == "Available"


def test_the_last_report_of_a_batch_wins(station):
    words = ["Preparing", "Charging", "SuspendedEV"]
    fresh = record_statuses([report(station, word, minutes=number) for number, word in enumerate(words)])
    assert [each.status for each in fresh] == ["SuspendedEV"]
    assert station.connectors.get().status == "SuspendedEV"


def test_the_clock_offset_is_measured_by_the_fastest_message(station):
    """B25: delays only increase it, and queued messages are ignored."""
    received = [StationSeen(station.pk, NOW, NOW + timedelta(seconds=offset)) for offset in (-3600, 120, 118)]
    record_stations_seen(received)
    station.refresh_from_db()
    assert station.clock_offset_ms == 120_000 and station.last_heard_at == NOW


def offset_after(station, *messages, connected=-3600):
    """Return the clock offset in seconds after messages with (received, reported) times in seconds from now."""
    ChargingStation.objects.filter(pk=station.pk).update(connected_at=NOW + timedelta(seconds=connected))
    record_stations_seen(
        [
            StationSeen(station.pk, NOW + timedelta(seconds=at), NOW + timedelta(seconds=reported_at))
            for at, reported_at in messages
        ]
    )
    station.refresh_from_db()
    return None if station.clock_offset_ms is None else station.clock_offset_ms / 1000


@pytest.mark.parametrize("booted", [None, 1])
def test_messages_queued_offline_do_not_measure_the_clock(station, booted):
    """B25: also not after the boot that many stations send on each link."""
    if booted:
        ChargingStation.objects.filter(pk=station.pk).update(booted_at=NOW + timedelta(seconds=booted))
    assert offset_after(station, (5, -7200), connected=0) is None
    assert offset_after(station, (6, -3600), (7, -600), connected=0) is None
    assert offset_after(station, (59, -61), connected=0) is None
    assert offset_after(station, (20, 19), connected=0) == -1  # the first message that is reported live


def test_a_measured_clock_stays_through_a_backlog(station):
    assert offset_after(station, (0, 2)) == 2
    assert offset_after(station, (3601, 0), (3602, 1800), connected=3600) == 2
    assert offset_after(station, (3603, 3606), connected=3600) == 3


def test_a_long_queue_is_recognised_by_its_times(station):
    """It may take longer than the initial period of a link."""
    assert offset_after(station, (100, -7200), (101, -3600), connected=0) is None


def test_a_message_of_an_older_link_does_not_measure_a_slow_clock(station):
    assert offset_after(station, (-5, -3600), connected=0) is None


def test_a_clock_that_is_behind_is_found_once_a_link_is_settled(station):
    """B25."""
    assert offset_after(station, (5, -3595), connected=0) is None
    assert offset_after(station, (61, -3539), (62, -3538), connected=0) == -3600


def test_a_clock_that_is_ahead_is_recorded_immediately(station):
    assert offset_after(station, (1, 601), connected=0) == 600
    assert offset_after(station, (2, -3600), connected=0) == 600


def test_a_late_close_of_an_old_link_changes_nothing(station):
    """B7."""
    node = factories.GatewayNodeFactory()
    first = open_link(station_id=station.pk, node_id=node.pk, remote_address="", at=NOW)
    second = open_link(station_id=station.pk, node_id=node.pk, remote_address="", at=NOW)
    assert second == first + 1
    assert not close_link(station_id=station.pk, epoch=first, at=NOW)
    station.refresh_from_db()
    assert station.node == node and station.disconnected_at is None
    assert close_link(station_id=station.pk, epoch=second, at=NOW)
    station.refresh_from_db()
    assert station.node is None and station.disconnected_at == NOW


def test_vocabulary_members_and_plain_texts_can_be_in_one_batch(station):
    """Codecs of two versions may report in the same batch."""
    reports = [
        StatusReport(station.pk, number, status, NOW, NOW)
        for number, status in enumerate([ConnectorStatus.FAULTED, "Charging", "", ConnectorStatus.CHARGING], start=1)
    ]
    record_statuses(reports)
    statuses = station.connectors.order_by("number").values_list("status", flat=True)
    assert list(statuses) == ["Faulted", "Charging", "", "Charging"]
