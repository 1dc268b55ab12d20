"""export_sessions: what another program judges the ledger by."""

import json
from datetime import UTC, datetime, timedelta, timezone

from sessions.management.commands import export_sessions
from tests import factories


def test_a_finished_session_is_told_as_the_station_reported_it(manage, station):
    session = factories.SessionFactory(
        station=station,
        connector_number=2,
        id_tag="04A1",
        started_at=datetime(2026, 3, 1, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1))),
        finished=True,
        sample_count=17,
        flags=["offline"],
        has_flags=True,
    )
    assert manage("export_sessions", "--json").json == [
        {
            "station": station.identity,
            "connector": 2,
            "transaction_id": session.pk,
            "id_tag": "04A1",
            "start": "2026-03-01T12:00:00.123Z",
            "stop": "2026-03-01T13:00:00.123Z",
            "meter_start_wh": 1000,
            "meter_stop_wh": 8000,
            "energy_wh": 7000,
            "samples": 17,
            "state": "completed",
            "flags": ["offline"],
        }
    ]


def test_an_open_session_has_no_end(manage, session):
    row = manage("export_sessions", "--open", "--json").json[0]
    assert (row["stop"], row["meter_stop_wh"], row["state"], row["flags"]) == (None, None, "open", [])


def test_only_of_one_station_and_only_open_ones(manage, session, finished_session):
    other = factories.SessionFactory()
    assert len(manage("export_sessions", "--json").json) == 3
    assert len(manage("export_sessions", "--open", "--json").json) == 2
    of_one = manage("export_sessions", "--station", other.station.identity, "--json").json
    assert [row["transaction_id"] for row in of_one] == [other.pk]
    outcome = manage("export_sessions", "--station", "none", "--json")
    assert (outcome.code, outcome.out) == (1, "")


def test_without_sessions_it_is_an_empty_list(manage):
    assert manage("export_sessions", "--json").json == []
    assert manage("export_sessions").out == ""


def test_without_json_each_line_is_an_object(manage, session, finished_session):
    lines = manage("export_sessions").out.splitlines()
    assert [json.loads(line)["transaction_id"] for line in lines] == [session.pk, finished_session.pk]


def test_it_goes_in_pages_and_misses_none(manage, station, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(export_sessions, "BATCH_SIZE", 3)
    sessions = [
        factories.SessionFactory(station=station, connector_number=n, started_at=datetime(2026, 1, n, tzinfo=UTC))
        for n in range(1, 8)
    ]
    with django_assert_num_queries(1 + 4):  # the tables, and 3 + 3 + 1 + 0 sessions
        rows = manage("export_sessions", "--json").json
    assert [row["transaction_id"] for row in rows] == [session.pk for session in sessions]
