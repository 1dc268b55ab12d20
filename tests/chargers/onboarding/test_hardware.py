"""The page of a station's hardware model, ratings and EVSE IDs."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Team, User
from chargers.hardware.services.models import find_hardware_model
from chargers.models import ChargingStation
from chargers.onboarding.services.plausibility import implausible_ratings
from chargers.stations.services.ratings import set_hardware_model, set_ratings
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def station(team: Team) -> ChargingStation:
    station = factories.StationFactory.create(team=team)
    factories.ConnectorFactory.create(station=station, number=1)
    return station


def test_a_data_sheet_fills_empty_fields_and_is_saved(
    client: Any, administrator: User, station: ChargingStation
) -> None:
    """V21, V22, V32."""
    client.force_login(administrator)
    url = f"/stations/{station.pk}/hardware/"
    model = find_hardware_model("Alfen Eve Double Pro-line")
    assert model is not None
    body = {"hardware_model": model.pk, "connector-1-max_current_a": "16", "connector-1-evse_id": "de*abc*e1"}
    shown = client.post(url, body | {"fill": "1"})
    assert shown.status_code == 200 and not station.connectors.exclude(standard="").exists()
    filled = {form.number: form for form in shown.context["ratings"]}
    assert set(filled) == {1, 2}
    assert filled[1]["max_current_a"].value() == "16" and filled[2]["max_current_a"].value() == "32"
    body |= {f"{form.prefix}-{name}": form[name].value() or "" for form in filled.values() for name in form.fields}
    assert client.post(url, body).status_code == 302
    first = station.connectors.select_related("evse").get(number=1)
    assert (first.standard, first.max_power_w, first.max_current_a) == ("IEC_62196_T2", 22_000, 16)
    assert first.evse is not None and first.evse.evse_id == "DE*ABC*E1"
    station.refresh_from_db()
    assert station.hardware_model == model
    page = client.get(station.get_absolute_url(), follow=True).content.decode()
    assert "Type 2, Socket" in page and "DE*ABC*E1" in page
    assert "16 A on 3 phases yield about 11.0 kW, not 22.0 kW" in page  # the message after saving


def test_errors_are_shown_beside_their_field_and_nothing_is_saved(
    client: Any, administrator: User, station: ChargingStation, other_team: Team
) -> None:
    client.force_login(administrator)
    url = f"/stations/{station.pk}/hardware/"
    taken = factories.StationFactory.create(team=other_team)
    set_ratings(station=taken, connectors=[{"number": 1, "evse_id": "DE*ABC*E7"}])
    for values, field in [
        ({"connector-1-evse_id": "nonsense"}, "evse_id"),
        ({"connector-1-evse_id": "DE*ABC*E7"}, "evse_id"),
        ({"connector-1-max_power_kw": "-1"}, "max_power_kw"),
        ({"connector-1-phases": "4"}, "phases"),
        ({"connector-1-phase_rotation": "RRR"}, "phase_rotation"),
    ]:
        answer = client.post(url, {"connector-1-format": "CABLE"} | values)
        assert answer.status_code == 422
        assert set(answer.context["ratings"][0].errors) == {field}
    assert not station.connectors.exclude(format="").exists()


def test_what_does_not_fit_together_is_said(team: Team, station: ChargingStation) -> None:
    """V32, Z2."""
    place = factories.InstallationFactory.create(team=team)
    station.installation = place
    station.circuit = factories.CircuitFactory.create(installation=place, name="Row A", max_current_a=16, phases=1)
    station.save()
    station.refresh_from_db()
    set_hardware_model(station=station, model=find_hardware_model("Easee Charge"))
    assert implausible_ratings(station) == []
    rating = {"number": 1, "standard": "CHADEMO", "max_power_w": 50_000, "max_current_a": 32, "phases": 3}
    set_ratings(station=station, connectors=[rating])
    found = " ".join(implausible_ratings(station))
    for words in ("more than the 22.0 kW", "data sheet says Type 2", "more than the fuse", "has one", "not 50.0 kW"):
        assert words in found
    good = {"number": 1, "standard": "IEC_62196_T2", "max_power_w": 3_700, "max_current_a": 16, "phases": 1}
    set_ratings(station=station, connectors=[good])
    assert implausible_ratings(station) == []


def test_the_model_that_the_station_reported_is_proposed(
    client: Any, administrator: User, station: ChargingStation
) -> None:
    """V33."""
    station.vendor, station.model = "ALFEN", "Eve Double Pro-line"
    station.save()
    client.force_login(administrator)
    hardware = client.get(f"/stations/{station.pk}/hardware/").context["hardware"]
    assert hardware.initial["hardware_model"] == find_hardware_model("Alfen Eve Double Pro-line")
