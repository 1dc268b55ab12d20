"""Refused connections: who sees them, and texts about cause and fix for installers (B6)."""

import pytest
from django.urls import reverse

from maintenance.connections.labels import FIXES, NEAR_CAUSES, NEAR_FIXES, cause_label, fix_label
from maintenance.connections.services.refusals import Refusal, record_refusal
from maintenance.models import RefusedConnection
from tests import factories

pytestmark = pytest.mark.django_db
LIST = reverse("maintenance:refusal_list")
API = "/api/v1/refused-connections/"


@pytest.fixture
def near(station):
    record_refusal(
        Refusal(
            cause="unknown_identity",
            near="case",
            path="/ocpp/cp-x",
            identity="cp-x",
            station_id=station.pk,
            remote_address="192.0.2.7",
            subprotocols="ocpp2.0.1, ocpp1.6",
            authentication="Basic",
            is_tls=True,
            user_agent="Maker/1.0",
        )
    )
    record_refusal(Refusal(cause="unknown_identity", path="/ocpp/STRANGER", identity="STRANGER"))


def test_near_misses_are_on_the_stations_page_and_in_the_list_of_its_team(near, as_person, viewer, station):
    page = as_person(viewer)
    for url in (station.get_absolute_url(), LIST):
        text = page.get(url).content.decode()
        assert "It connects as “cp-x”" in text and f"Set the identity at the station to “{station.identity}”" in text
        assert "STRANGER" not in text
    text = page.get(LIST).content.decode()
    assert "ocpp2.0.1, ocpp1.6" in text and "TLS · Basic" in text and "192.0.2.7" in text
    assert "cp-x" in page.get(reverse("portal:dashboard")).content.decode()


def test_the_api_lists_them_too(near, api, viewer, stranger, staff, station):
    (row,) = api(viewer).get(API).json()["results"]
    assert (row["station"], row["cause"], row["near"], row["count"]) == (
        station.identity,
        "unknown_identity",
        "case",
        1,
    )
    assert (row["subprotocols"], row["authentication"], row["is_tls"]) == ("ocpp2.0.1, ocpp1.6", "Basic", True)
    assert row["cause_text"].startswith("It connects as") and station.identity in row["cure_text"]
    assert api(stranger).get(API).json()["results"] == []
    assert {row["station"] for row in api(staff).get(API).json()["results"]} == {station.identity, None}
    assert api(viewer).get(API, {"station": station.identity}).json()["results"] == [row]


def test_other_teams_see_nothing_of_it(near, as_person, stranger):
    assert "cp-x" not in as_person(stranger).get(LIST).content.decode()


@pytest.mark.parametrize("near_", RefusedConnection.Near.values)
@pytest.mark.parametrize("cause", ["no_subprotocol", "unknown_path"])
def test_every_mistake_has_a_cause_and_a_cure_in_words(station, near_, cause):
    assert set(FIXES) == set(RefusedConnection.Cause)
    assert set(NEAR_CAUSES) == set(NEAR_FIXES) == set(RefusedConnection.Near)
    row = RefusedConnection(cause=cause, near=near_, station=station, identity="x", path="/x")
    assert "%(" not in cause_label(row) + fix_label(row)
    assert ("OCPP 1.6J" in fix_label(row)) is (cause == "no_subprotocol")


def test_the_list_and_the_api_ask_no_more_for_more_rows(api, as_person, viewer, team, django_assert_max_num_queries):
    for station in factories.StationFactory.create_batch(15, team=team):
        factories.RefusedConnectionFactory(station=station, near="case")
    page, client = as_person(viewer), api(viewer)
    page.get(LIST), client.get(API)
    with django_assert_max_num_queries(14):
        page.get(LIST)
    with django_assert_max_num_queries(6):
        client.get(API)


def test_addresses_of_one_ipv6_network_are_one_source(db):
    for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
        record_refusal(Refusal(cause="unknown_identity", path="/ocpp/X", remote_address=host))
    assert sorted(RefusedConnection.objects.values_list("count", flat=True)) == [1, 2]
