"""Random messages in random order: none is refused and none is counted twice (T23, T24, B1)."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from sessions.models import FLAGS_THAT_STOP_BILLING, ChargingSession
from sessions.samples.services.matching import Sampled
from sessions.samples.services.samples import adopt_readings, record_samples
from sessions.samples.services.summing import settle_ended_sessions
from tests import factories
from tests.sessions.conftest import Book, at

pytestmark = pytest.mark.django_db
TIMES = [at(0), at(5), at(10), at(30), at(31), datetime(1970, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)]
METERS = [0, 1000, 1500, 5000, 20_000, -7, 2**40]


class RandomMessages:
    """Random messages of one station that can be repeated."""

    def __init__(self, book, rng, *, incomplete):
        self.book, self.rng, self.incomplete = book, rng, incomplete
        self.arrived, self.ids = 40, []

    def some(self, values):
        return None if self.incomplete and self.rng.random() < 0.2 else self.rng.choice(values)

    def message(self):
        kind = self.rng.choice(["start", "stop", "sample", "sample"])
        connector, tag = self.rng.choice([0, 1, 1, 2]), self.rng.choice(["GOOD", "OTHER", ""])
        if kind == "start":
            fields = {"connector": connector, "tag": tag, "meter": self.some(METERS), "started_at": self.some(TIMES)}
            return kind, fields
        number = self.rng.choice([*self.ids[-4:], -1, 0, 987_654_321])
        if kind == "stop":
            return kind, {"number": number, "tag": tag, "meter": self.some(METERS), "stopped_at": self.some(TIMES)}
        values = [{"value": str(self.rng.choice(METERS))} for _ in range(self.rng.choice([1, 2]))]
        return kind, {"number": self.rng.choice([number, None]), "connector": connector, "values": values,
                      "at": self.rng.choice(TIMES) + timedelta(minutes=self.rng.randrange(3))}  # fmt: skip

    def send(self, message):
        kind, fields = message
        self.arrived += 1
        if kind == "start":
            self.ids.append(self.book.start(received_at=at(self.arrived), **fields).session.pk)
        elif kind == "stop":
            fields = dict(fields)
            number = fields.pop("number")
            self.book.stop(number, received_at=at(self.arrived), **fields)
            changed = adopt_readings([(self.book.station.pk, number)])
            settle_ended_sessions(changed | {number})
        else:
            settle_ended_sessions(
                record_samples(
                    [
                        Sampled(self.book.station.pk, fields["connector"], fields["number"], fields["at"],
                                fields["values"], at(self.arrived))
                    ]
                )
            )  # fmt: skip


def books(book):
    columns = ("pk", "started_at", "stopped_at", "meter_start_wh", "meter_stop_wh", "energy_wh", "is_billable",
               "closed_by", "reported_transaction_id", "sample_count")  # fmt: skip
    return [
        (*row[:-1], sorted(row[-1]))
        for row in ChargingSession.objects.filter(station=book.station).order_by("pk").values_list(*columns, "flags")
    ]


def review_books(book):
    for session in book.sessions():
        assert session.energy_wh >= 0 and session.duration >= timedelta(0)
        assert session.has_flags == bool(session.flags)
        may = session.authorization == "Accepted" and session.start_received_at is not None
        assert session.is_billable == (may and not FLAGS_THAT_STOP_BILLING & set(session.flags))
    for connector in (1, 2):
        assert ChargingSession.objects.open().filter(station=book.station, connector_number=connector).count() <= 1


@pytest.mark.parametrize("incomplete", [True, False])
def test_no_message_is_refused(team, incomplete):
    factories.TagFactory(team=team, value="GOOD")
    for seed in range(8):
        book = Book(factories.StationFactory(team=team))
        chaos = RandomMessages(book, random.Random(seed), incomplete=incomplete)
        for _ in range(30):
            chaos.send(chaos.message())
        review_books(book)


def test_complete_messages_change_nothing_when_repeated(team):
    factories.TagFactory(team=team, value="GOOD", allows_concurrent=True)
    for seed in range(8):
        rng = random.Random(seed)
        book = Book(factories.StationFactory(team=team))
        chaos = RandomMessages(book, rng, incomplete=False)
        rows = []
        for _ in range(20):
            rows.append(chaos.message())
            chaos.send(rows[-1])
        # a reading without a session belongs to the session active at its arrival if the clock is wrong
        again = [message for message in rows if message[0] != "sample" or (message[1]["number"] or 0) > 0]
        known = books(book)
        for _ in range(2):
            for message in again:
                chaos.send(message)
            assert books(book) == known
            rng.shuffle(again)
