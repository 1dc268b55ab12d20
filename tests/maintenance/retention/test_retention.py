"""Retention of the message log, station reports and refused connections (B6, T40, retention)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from maintenance.certificates.services import record_certificate_request
from maintenance.connections.services.refusals import Refusal, record_refusal
from maintenance.diagnostics.services import Progress, record_progress
from maintenance.messages.services.partitions import drop_old_messages, partition_name, prepare_partitions
from maintenance.models import CertificateRequest, Message, ProgressReport, RefusedConnection, SecurityEvent
from maintenance.retention.services import purge_expired_rows
from maintenance.security_events.services import SecurityNotice, record_security_events
from tests import factories

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions")


def partitions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relid::regclass::text FROM pg_partition_tree('maintenance_message') WHERE isleaf")
        return {name for (name,) in cursor.fetchall()}


@on_postgresql
def test_partitions_are_made_ahead_and_once(db):
    day = date(2031, 12, 30)
    made = prepare_partitions(day)
    assert made == [partition_name(day + timedelta(days=number)) for number in range(4)]
    assert prepare_partitions(day) == []
    assert prepare_partitions(day + timedelta(days=1)) == [partition_name(date(2032, 1, 3))]
    assert set(made) <= partitions()


@on_postgresql
def test_a_day_with_rows_in_the_default_partition_is_left_there(station):
    factories.MessageFactory(station=station, received_at=datetime(2032, 6, 2, 5, tzinfo=UTC))
    made = prepare_partitions(date(2032, 6, 1))
    assert partition_name(date(2032, 6, 2)) not in made and len(made) == 3


def test_old_messages_go_and_young_ones_stay(station, settings):
    settings.MESSAGE_RETENTION_DAYS = 30
    now = timezone.now()
    old, young = now - timedelta(days=31), now - timedelta(days=29)
    for at in (old, young):
        factories.MessageFactory(station=station, received_at=at)
    assert drop_old_messages() >= 0
    assert [row.received_at for row in Message.objects.all()] == [young]


@on_postgresql
def test_an_old_day_is_dropped_as_a_whole(db, settings):
    settings.MESSAGE_RETENTION_DAYS = 30
    prepare_partitions(date(2020, 1, 1))
    prepare_partitions()
    purge_expired_rows()
    assert partition_name(date(2020, 1, 1)) not in partitions()
    assert partition_name(timezone.now().date()) in partitions()


def test_refusals_of_a_station_count_up_by_cause_source_and_hour(station):
    """B6."""
    fields = {"path": "/ocpp/A", "station_id": station.pk, "user_agent": "x" * 999}
    for path in ("/ocpp/A", "//A", "/A/"):
        record_refusal(Refusal(cause="wrong_credentials", remote_address="10.0.0.1", **fields | {"path": path}))
    record_refusal(Refusal(cause="wrong_credentials", remote_address="10.0.0.2", **fields))
    record_refusal(Refusal(cause="no_credentials", remote_address="10.0.0.1", **fields))
    assert sorted(RefusedConnection.objects.values_list("count", flat=True)) == [1, 1, 3]


def test_old_refusals_are_forgotten(db):
    factories.RefusedConnectionFactory(last_at=timezone.now() - timedelta(days=91))
    kept = factories.RefusedConnectionFactory()
    purge_expired_rows()
    assert RefusedConnection.objects.get() == kept


def test_reports_are_kept_once(station):
    """T40."""
    now = timezone.now()
    for _ in range(2):
        record_progress([Progress(station.pk, "firmware", "Downloading", 1, now)])
        record_security_events([SecurityNotice(station.pk, "T", now, "i", now)])
        record_certificate_request(station=station, csr="csr", received_at=now)
    record_progress([Progress(station.pk, "firmware", "Downloading", 2, now)])  # repeated later
    assert ProgressReport.objects.count() == 2
    assert SecurityEvent.objects.count() == CertificateRequest.objects.count() == 1
