"""What a station says of its connectors: the newest report counts (B7), whatever its clock did (F16)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.services import Heard, StatusReport, close_link, note_heard, open_link, record_statuses
from tests import factories

NOW = timezone.now()


def report(station, status, *, minutes=0.0, arrives=None, connector=1, **more):
    """Told of so many minutes from now, and received then unless said otherwise."""
    arrives = minutes if arrives is None else arrives
    return StatusReport(
        station_id=station.pk, connector=connector, status=status, at=NOW + timedelta(minutes=minutes),
        received_at=NOW + timedelta(minutes=arrives), **more,
    )  # fmt: skip


def test_an_old_report_does_not_undo_a_newer_one(station):
    record_statuses([report(station, "Charging", minutes=10)])
    assert record_statuses([report(station, "Available", minutes=5, arrives=11)]) == []
    assert station.connectors.get().status == "Charging"


def test_the_time_of_the_last_change_stays_while_nothing_changes(station):
    record_statuses([report(station, "Charging", minutes=0)])
    record_statuses([report(station, "Charging", minutes=10)])
    connector = station.connectors.get()
    assert connector.status_changed_at == NOW and connector.reported_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize("connector", [0, 1])
def test_a_clock_that_ran_ahead_does_not_hide_what_comes_after(station, connector):
    """F16: it is set right at the next boot."""
    record_statuses([report(station, "Faulted", minutes=60 * 24 * 365 * 70, arrives=0, connector=connector)])
    record_statuses([report(station, "Available", minutes=5, connector=connector)])
    station.refresh_from_db()
    holder = station if connector == 0 else station.connectors.get()
    assert (holder.status, holder.status_changed_at) == ("Available", NOW + timedelta(minutes=5))


@pytest.mark.parametrize("connector", [0, 1])
def test_a_clock_that_was_never_set_counts_by_arrival(station, connector):
    """F16: 1970 after a power cut."""
    record_statuses([report(station, "Charging", connector=connector)])
    record_statuses([report(station, "Available", minutes=-60 * 24 * 365 * 50, arrives=5, connector=connector)])
    station.refresh_from_db()
    assert (station if connector == 0 else station.connectors.get()).status == "Available"


def test_the_last_of_a_batch_counts(station):
    words = ["Preparing", "Charging", "SuspendedEV"]
    fresh = record_statuses([report(station, word, minutes=number) for number, word in enumerate(words)])
    assert [each.status for each in fresh] == ["SuspendedEV"]
    assert station.connectors.get().status == "SuspendedEV"


def test_the_clock_offset_is_that_of_the_quickest_message(station):
    """B25: delays only add to it, an offline queue does not count."""
    heard = [Heard(station.pk, NOW, NOW + timedelta(seconds=offset)) for offset in (-3600, 120, 118)]
    note_heard(heard)
    station.refresh_from_db()
    assert station.clock_offset_ms == 120_000 and station.last_heard_at == NOW


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
