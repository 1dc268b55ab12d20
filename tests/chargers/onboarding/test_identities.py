"""Invalid identities are refused, and a wrong identity can be corrected without losing the station's history."""

import pytest
import tablib
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from chargers.models import ChargingStation
from chargers.onboarding.resources import StationResource
from chargers.onboarding.services.naming import correct_identity
from chargers.onboarding.services.registration import add_station
from chargers.stations.services.identities import check_identity, identity_warning
from chargers.stations.services.links import open_link, register_node
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

NOW = timezone.now()
pytestmark = pytest.mark.django_db
UNUSABLE = ["", " CP", "CP 1", "Säule", "CP/1", "CP#1", "CP?1", "50%", "a\x00b", "x" * 49]


@pytest.mark.parametrize("identity", ["CP-1", "a", "x" * 48, "A*b-c_d=e:f+g|h@i.j"])
def test_the_characters_of_ocpps_identifier_string_are_accepted(identity):
    check_identity(identity)


@pytest.mark.parametrize("identity", UNUSABLE)
def test_an_identity_that_no_station_can_use_is_refused(team, station, as_person, administrator, identity):
    with pytest.raises(DomainError) as error:
        add_station(team=team, identity=identity, password="a-good-password-of-20")
    assert (
        str(error.value).startswith(("An identity must have", "An identity may contain"))
        and "identity" in error.value.fields
    )
    with pytest.raises(DomainError, match=r"An identity (must have|may contain)"):
        correct_identity(station=station, identity=identity)
    body = {"identity": identity, "password": "a-good-password-of-20", "connectors": 1}
    page = as_person(administrator)
    if identity not in ("", " CP"):  # forms strip spaces
        assert page.post(reverse("chargers:station_add"), body).status_code == 422
    path = reverse("chargers:station_identity", args=[station.pk])
    assert page.post(path, {"identity": identity}).status_code == 422
    assert ChargingStation.objects.count() == 1


def test_an_import_refuses_them_too(team):
    rows = tablib.Dataset(["Säule 7", team.handle, "a-good-password-of-20"], headers=["identity", "team", "password"])
    result = StationResource().import_data(rows, raise_errors=False)
    assert result.has_validation_errors() and not ChargingStation.objects.exists()


def test_the_api_refuses_them_too(api, administrator, station):
    path = f"/api/v1/stations/{station.identity}/correct_identity/"
    refused = api(administrator).post(path, {"identity": "Säule 7"}, format="json")
    assert refused.status_code == 400 and "letters a to z" in str(refused.json())


def test_more_than_20_characters_give_a_warning(as_person, administrator, station):
    assert identity_warning("x" * 20) == "" and "20 characters" in identity_warning("x" * 21)
    page = as_person(administrator)
    body = {"identity": "y" * 21, "password": "a-good-password-of-20", "connectors": 1}
    assert "more than 20 characters" in page.post(reverse("chargers:station_add"), body).content.decode()
    path = reverse("chargers:station_identity", args=[station.pk])
    assert "more than 20 characters" in page.post(path, {"identity": "x" * 21}, follow=True).content.decode()


def test_a_wrong_identity_is_corrected_and_the_history_is_kept(api, administrator, station):
    """B20."""
    session = factories.SessionFactory(station=station)
    old = station.identity
    response = api(administrator).post(
        f"/api/v1/stations/{old}/correct_identity/", {"identity": "CP-RIGHT"}, format="json"
    )
    assert response.status_code == 200 and response.json()["identity"] == "CP-RIGHT"
    session.refresh_from_db()
    assert session.station_id == station.pk and session.station.identity == "CP-RIGHT"
    entry = AuditEntry.objects.filter(object_id=station.pk).latest("pk")
    assert (entry.changes["identity"], entry.actor, entry.team) == ([old, "CP-RIGHT"], administrator, station.team)


def test_the_link_of_the_old_identity_can_no_longer_write(station):
    node = register_node("n")
    epoch = open_link(station_id=station.pk, node_id=node.pk, remote_address="", at=NOW, identity=station.identity)
    new = correct_identity(station=station, identity="CP-RIGHT")
    assert (new.epoch, new.node_id) == (epoch + 1, None) and new.disconnected_at is not None
    late = open_link(station_id=station.pk, node_id=node.pk, remote_address="", at=NOW, identity=station.identity)
    assert late == 0  # a handshake that read the station before the correction and opens after it


def test_the_identity_of_another_station_is_refused(station, other_team):
    taken = factories.StationFactory(team=other_team)
    with pytest.raises(DomainError, match="is taken"):
        correct_identity(station=station, identity=taken.identity)


def test_correcting_an_identity_requires_the_right_to_set_passwords(station, operator):
    with pytest.raises(NotAllowed):
        correct_identity(station=station, identity="CP-RIGHT", actor=operator)
