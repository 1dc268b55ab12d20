"""Starts and stops do not deadlock with the drain (trust rule 2)."""

import threading
import time

import pytest
from django.db import connection, transaction

from ocpp_gateway.codec import by_protocol
from ocpp_gateway.frames import Call
from ocpp_gateway.link import direct
from sessions.samples.services.matching import Sampled
from sessions.samples.services.samples import record_samples
from tests import factories
from tests.ocpp_gateway.link import moment

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


def someone_waits():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0]


def test_a_stop_and_the_drain_of_the_same_session_do_not_deadlock():
    """The drain's commit checks the foreign key to a station whose row the stop has locked."""
    station = factories.StationFactory()
    session = factories.SessionFactory(station=station)
    stop = Call("1", "StopTransaction", {"transactionId": session.pk, "meterStop": 9000, "timestamp": moment()})
    done = []

    def stop_it():
        try:
            done.append(direct.answer_call(
                station_id=station.pk, epoch=station.epoch, codec=by_protocol("1.6"), call=stop))  # fmt: skip
        except Exception as error:
            done.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=stop_it)
    with transaction.atomic():
        record_samples([Sampled(station.pk, 1, session.pk, session.started_at, [{"value": "1500"}])])
        thread.start()
        end = time.monotonic() + 5
        while not someone_waits() and time.monotonic() < end:
            time.sleep(0.02)
        assert someone_waits()
    thread.join(15)
    assert isinstance(done[0], direct.CallAnswer), done
    session.refresh_from_db()
    assert (session.sample_count, session.energy_wh) == (1, 8000)
