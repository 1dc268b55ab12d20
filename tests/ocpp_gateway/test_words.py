"""Every word of OCPP 1.6 that means something to us is in a table, and every value of ours that a station may hear."""

from typing import Any

import pytest

from chargers import vocabulary
from ocpp_gateway.translations import inverted
from ocpp_gateway.v16 import terms
from ocpp_gateway.v16.schemas import schema

SAMPLED = ("MeterValues", "meterValue", "sampledValue")


def enum_of(action: str, *path: str) -> set[str]:
    found: Any = schema(action)
    for name in path:
        found = found["properties"][name]
        found = found.get("items", found)
        if "$ref" in found:
            found = schema(action)["definitions"][found["$ref"].rpartition("/")[2]]
    return set(found["enum"])


JOBS = (
    "FirmwareStatusNotification",
    "SignedFirmwareStatusNotification",
    "DiagnosticsStatusNotification",
    "LogStatusNotification",
)
RECEIVED = (
    (terms.STATUSES, enum_of("StatusNotification", "status"), vocabulary.ConnectorStatus),
    (terms.ERRORS, enum_of("StatusNotification", "errorCode"), vocabulary.ConnectorError),
    (terms.STOP_REASONS, enum_of("StopTransaction", "reason"), vocabulary.StopReason),
    (terms.JOB_STATUSES, set().union(*(enum_of(action, "status") for action in JOBS)), vocabulary.JobStatus),
)
SENT = (
    (terms.VERDICTS, enum_of("AuthorizeResponse", "idTagInfo", "status"), vocabulary.TagVerdict),
    (terms.RESET_KINDS, enum_of("Reset", "type"), vocabulary.ResetKind),
    (terms.AVAILABILITIES, enum_of("ChangeAvailability", "type"), vocabulary.Availability),
    (terms.STATION_MESSAGES, enum_of("TriggerMessage", "requestedMessage"), vocabulary.StationMessage),
)


@pytest.mark.parametrize(("table", "theirs", "ours"), RECEIVED)
def test_whatever_a_station_may_say_is_translated(table, theirs, ours):
    assert set(table) == theirs
    assert set(table.values()) - {""} == set(ours.values)


@pytest.mark.parametrize(("table", "theirs", "ours"), SENT)
def test_whatever_a_station_may_hear_is_translated_both_ways(table, theirs, ours):
    assert set(table) == set(ours.values)
    assert set(table.values()) == theirs
    assert inverted(inverted(table)) == table


def test_every_registration_is_answered_but_that_of_a_station_that_never_booted():
    ours = set(vocabulary.RegistrationStatus.values) - {vocabulary.RegistrationStatus.NEW}
    assert set(terms.REGISTRATIONS) == ours
    assert set(terms.REGISTRATIONS.values()) == enum_of("BootNotificationResponse", "status")


@pytest.mark.parametrize("table", [row[0] for row in (*RECEIVED, *SENT)])
def test_the_database_gets_plain_texts(table):
    assert {type(word) for word in (*table, *table.values())} == {str}


@pytest.mark.parametrize(
    ("field", "ours"),
    [
        ("measurand", vocabulary.Measurand),
        ("unit", vocabulary.Unit),
        ("phase", vocabulary.Phase),
        ("context", vocabulary.ReadingContext),
        ("location", vocabulary.Location),
        ("format", vocabulary.ValueFormat),
    ],
)
def test_readings_are_passed_on_in_words_that_are_ours_as_well(field, ours):
    assert set(ours.values) <= enum_of(*SAMPLED, field)
