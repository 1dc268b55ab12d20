"""Electrical values of connectors and EVSE IDs, as entered by people."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry, Team
from chargers.hardware.services.models import find_hardware_model
from chargers.models import ChargingStation, Evse, HardwareConnector, HardwareModel
from chargers.stations.services.ratings import set_ratings
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db
WALL_BOX = {
    "number": 1, "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_power_w": 22_000,
    "max_current_a": 32, "phases": 3, "phase_rotation": "STR", "evse_id": "de*abc*e1234*1",
}  # fmt: skip


@pytest.fixture
def station(team: Team) -> ChargingStation:
    return factories.StationFactory.create(team=team)


def test_ratings_are_set_once_and_recorded(station: ChargingStation, administrator: Any) -> None:
    """V22, V32."""
    assert set_ratings(station=station, connectors=[WALL_BOX, {"number": 2}], actor=administrator) == [1]
    connector = station.connectors.select_related("evse").get(number=1)
    assert (connector.max_power_w, connector.phase_rotation) == (22_000, "STR")
    assert (connector.evse.number, connector.evse.evse_id) == (1, "DE*ABC*E1234*1")
    assert station.connectors.get(number=2).evse is None
    entry = AuditEntry.objects.latest("pk")
    assert "Type 2, Socket, AC, 3 phases, 22,000 W, 32.0 A" in entry.changes["ratings"][1]
    assert set_ratings(station=station, connectors=[WALL_BOX], actor=administrator) == []
    assert AuditEntry.objects.latest("pk") == entry
    assert set_ratings(station=station, connectors=[{"number": 1, "max_current_a": 16}]) == [1]
    connector.refresh_from_db()
    assert (connector.max_current_a, connector.standard, connector.evse.evse_id) == (
        16,
        "IEC_62196_T2",
        "DE*ABC*E1234*1",
    )


def test_two_connectors_share_an_evse(station: ChargingStation) -> None:
    """V23."""
    shared: list[dict[str, Any]] = [{"number": 1, "evse": 1, "evse_id": "DE*ABC*E9"}, {"number": 2, "evse": 1}]
    set_ratings(station=station, connectors=shared)
    assert {connector.evse.evse_id for connector in station.connectors.select_related("evse")} == {"DE*ABC*E9"}
    assert set_ratings(station=station, connectors=shared) == []
    assert set_ratings(station=station, connectors=[{"number": 1, "evse_id": ""}]) == [1, 2]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"number": 0}, "connectors"),
        ({"number": 10_000}, "connectors"),
        ({"evse_id": "DEABC"}, "evse_id"),
        ({"evse_id": "DE*ABC*E12!"}, "evse_id"),
        ({"phases": 4}, "phases"),
        ({"phase_rotation": "RRR"}, "phase_rotation"),
        ({"standard": "TYPE2"}, "standard"),
        ({"max_current_a": 0}, "max_current_a"),
        ({"max_current_a": 100_000}, "max_current_a"),
        ({"max_power_w": -1}, "max_power_w"),
    ],
)
def test_wrong_values_are_refused_by_name(station: ChargingStation, given: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as caught:
        set_ratings(station=station, connectors=[WALL_BOX | given])
    assert set(caught.value.fields) <= {field, f"connectors[0].{field}"}


def test_an_evse_id_is_taken_once_and_a_connector_listed_once(station: ChargingStation, other_team: Team) -> None:
    set_ratings(station=factories.StationFactory.create(team=other_team), connectors=[WALL_BOX])
    for connectors in ([WALL_BOX], [{"number": 1}, {"number": 1}]):
        with pytest.raises(DomainError):
            set_ratings(station=station, connectors=connectors)
    assert Evse.objects.count() == 1


def test_owners_do_not_set_ratings(station: ChargingStation) -> None:
    """Z15."""
    grant = factories.GrantFactory.create(station=station, role="owner")
    with pytest.raises(NotAllowed):
        set_ratings(station=station, connectors=[WALL_BOX], actor=grant.user)
    set_ratings(
        station=station,
        connectors=[WALL_BOX],
        actor=factories.GrantFactory.create(station=station, role="service").user,
    )


def test_the_catalogue_has_real_models() -> None:
    """V21."""
    assert HardwareModel.objects.count() >= 20
    model = find_hardware_model("alfen  eve double pro-line")
    assert model is not None and model.connectors.count() == 2
    assert find_hardware_model("Alfen") is None
    for connector in HardwareConnector.objects.filter(power_type="AC_3_PHASE"):
        assert 0.95 < connector.max_power_w / (connector.max_current_a * 230 * 3) < 1.05
    for connector in HardwareConnector.objects.filter(power_type="DC"):
        assert connector.max_power_w <= connector.max_voltage_v * connector.max_current_a * 1.01
