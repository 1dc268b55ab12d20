"""Fixtures for tests of the ledger: report starts, meter readings and stops of a station."""

from datetime import UTC, datetime, timedelta

import pytest

from chargers.models import ChargingStation
from sessions.ledger.services.ends import stop_session
from sessions.ledger.services.starts import start_session
from sessions.samples.services.matching import Sampled
from sessions.samples.services.samples import record_samples
from sessions.samples.services.summing import settle_ended_sessions

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes=0.0):
    return NOON + timedelta(minutes=minutes)


class Book:
    """Reports of one station. Times are minutes after noon; reports arrive at that time unless `arrives` is given."""

    def __init__(self, station):
        self.station = station

    def start(self, minute=0.0, *, connector=1, tag="GOOD", meter=1000, arrives=None, **more):
        arrives = minute if arrives is None else arrives
        fields = {"started_at": at(minute), "received_at": at(arrives)} | more
        return start_session(station=self.station, connector=connector, id_tag=tag, meter_start_wh=meter, **fields)

    def stop(self, transaction, minute=60.0, *, meter=8000, arrives=None, tag="", reason="Local", **more):
        arrives = minute if arrives is None else arrives
        fields = {"stopped_at": at(minute), "received_at": at(arrives)} | more
        return stop_session(
            station=self.station, transaction_id=transaction, meter_stop_wh=meter, reason=reason, id_tag=tag,
            raw=f"{transaction} {minute} {meter}", **fields,
        )  # fmt: skip

    def sample(self, minute, register, *, transaction=None, connector=1, arrives=None, **more):
        values = [{"value": str(register), **more}]
        arrived = at(arrives) if arrives is not None else None
        sampled = Sampled(self.station.pk, connector, transaction, at(minute), values, arrived)
        changed = record_samples([sampled])
        settle_ended_sessions(changed)
        return changed

    def samples(self, registers, *, transaction, begin=0.0, minutes=5.0, connector=1):
        """Record a batch of samples, one every `minutes` after `begin`."""
        changed = record_samples(
            [
                Sampled(self.station.pk, connector, transaction, at(begin + number * minutes), [{"value": str(wh)}])
                for number, wh in enumerate(registers, 1)
            ]
        )
        settle_ended_sessions(changed)

    def sessions(self):
        return list(self.station.charging_sessions.order_by("started_at", "pk"))

    def only(self):
        (session,) = self.sessions()
        return session


@pytest.fixture
def book(station, tag) -> Book:
    tag.value = "GOOD"
    tag.allows_concurrent = True
    tag.save()
    return Book(ChargingStation.objects.get(pk=station.pk))
