"""A team is set up from a file, and leaves with one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from accounts.models import AuditEntry, Grant, Invitation, Team, User
from chargers.models import ChargingStation, Circuit, Connector, HardwareModel, Installation, StationGroup, Tag
from cpms.common.errors import DomainError, NotAllowed
from cpms.setup.documents import read_document
from cpms.setup.schema import SCHEMA
from cpms.setup.services import apply_setup, export_setup
from tests import factories

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def document(viewer: User, operator: User) -> dict[str, Any]:
    """A set-up with something in every section."""
    given = yaml.safe_load((DOCS / "setup.example.yaml").read_text())
    given["tags"][0]["person"] = viewer.email
    given["groups"][0]["person"] = operator.email
    given["tags"][3]["groups"][0]["person"] = operator.email
    given["grants"][0]["person"] = factories.UserFactory.create().email
    return given


def error_of(document: Any, team: Team, **more: Any) -> dict[str, str]:
    with pytest.raises(DomainError) as caught:
        apply_setup(document=document, team=team, **more)
    return caught.value.fields


def test_a_file_sets_up_everything(document: dict[str, Any], team: Team, viewer: User, operator: User) -> None:
    """B20, Z4, Z5, Z9."""
    report = apply_setup(document=document, team=team)
    place = Installation.objects.get(team=team, name="Harbour depot")
    assert (place.grid_type, place.voltage_v, place.time_zone) == ("TN", 230, "Europe/Berlin")
    assert {(row.name, row.parent and row.parent.name) for row in place.circuits.all()} == {
        ("Main", None), ("Row A", "Main"), ("Row B", "Main"),
    }  # fmt: skip
    station = ChargingStation.objects.get(identity="HARBOUR-A-01")
    assert station.circuit is not None and station.circuit.name == "Row A"
    assert str(station.hardware_model) == "Alfen Eve Double Pro-line"
    connector = station.connectors.select_related("evse").get(number=2)
    assert (connector.max_current_a, connector.phases, connector.phase_rotation) == (32, 3, "STR")
    assert (connector.standard, connector.max_power_w) == ("IEC_62196_T2", 22_000)  # from the data sheet
    assert connector.evse is not None and connector.evse.evse_id == "DE*ABC*E1001*2"
    assert set(report.passwords) == {"HARBOUR-B-01"}
    assert Tag.objects.get(team=team, value="04A2E6").user == viewer
    assert StationGroup.objects.get(user=operator).stations.get() == station
    assert Grant.objects.active().get(installation=place).role == "owner"
    assert Invitation.objects.get(team=team).email == "kim@example.com"
    assert report.warnings == []
    assert {change.action for change in report.changes} == {"added"}


def test_the_same_file_and_its_own_export_change_nothing(document: dict[str, Any], team: Team) -> None:
    """B20."""
    apply_setup(document=document, team=team)
    entries = AuditEntry.objects.count()
    assert apply_setup(document=document, team=team).changes == []
    exported = json.loads(json.dumps(export_setup(team=team, with_passwords=True)))
    assert apply_setup(document=exported, team=team).changes == []
    assert AuditEntry.objects.count() == entries
    assert export_setup(team=team, with_passwords=True) == exported


def test_an_export_sets_up_another_system_alike(document: dict[str, Any], team: Team, other_team: Team) -> None:
    """B20: leave and arrive. The rows are deleted in between, since identities are unique."""
    apply_setup(document=document, team=team)
    exported = export_setup(team=team, with_passwords=True)
    Circuit.objects.update(parent=None)
    models: list[Any] = [Tag, Grant, StationGroup, Connector, ChargingStation, Circuit, Installation, HardwareModel]
    for model in models:
        model.objects.all().delete()
    apply_setup(document=exported, team=team)
    again = export_setup(team=team, with_passwords=True)
    assert again == exported


def test_a_dry_run_reports_and_changes_nothing(document: dict[str, Any], team: Team) -> None:
    report = apply_setup(document=document, team=team, is_dry_run=True)
    assert len(report.changes) > 10
    assert not Installation.objects.exists() and not ChargingStation.objects.exists() and not Tag.objects.exists()
    assert report.as_document(is_dry_run=True)["passwords"] == {}


def test_an_edited_file_changes_only_what_differs(document: dict[str, Any], team: Team) -> None:
    apply_setup(document=document, team=team)
    place = document["installations"][0]
    place["main_breaker_a"] = 125
    place["circuits"][1]["max_current_a"] = 50
    place["stations"][0]["name"] = "Bay 7"
    place["stations"][0]["password"] = "another-password"
    place["stations"][1]["circuit"] = "Row A"
    place["circuits"][2]["deactivated"] = True
    place["stations"][0]["connectors"][1]["phase_rotation"] = "TRS"
    document["tags"][0]["status"] = "blocked"
    report = apply_setup(document=document, team=team)
    assert {(change.action, change.kind, change.name, change.fields) for change in report.changes} == {
        ("changed", "installation", "Harbour depot", ("main_breaker_a",)),
        ("changed", "circuit", "Harbour depot / Row A", ("max_current_a",)),
        ("changed", "circuit", "Harbour depot / Row B", ("deactivated",)),
        ("changed", "station", "HARBOUR-A-01", ("name", "password", "connectors")),
        ("changed", "station", "HARBOUR-B-01", ("circuit",)),
        ("changed", "tag", "04A2E6", ("status",)),
    }
    assert apply_setup(document=export_setup(team=team), team=team).changes == []


def test_what_is_not_mentioned_stays(document: dict[str, Any], team: Team) -> None:
    apply_setup(document=document, team=team)
    before = export_setup(team=team)
    report = apply_setup(document={"installations": [{"name": "harbour depot"}]}, team=team)
    assert [change.fields for change in report.changes] == [("name",)]
    apply_setup(document={"installations": [{"name": "Harbour depot"}]}, team=team)
    assert export_setup(team=team) == before


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("installations", 0, "grid_type"), "TX", "installations[0].grid_type"),
        (("installations", 0, "typo"), 1, "installations[0]"),
        (("installations", 0, "country"), "ZZ", "installations[0].country"),
        (("installations", 0, "circuits", 1, "parent"), "Nowhere", "installations[0].circuits[1].parent"),
        (("installations", 0, "circuits", 0, "parent"), "Row A", "installations[0].circuits[0].parent"),
        (("installations", 0, "circuits", 1, "name"), "Row B", "installations[0].circuits[1].name"),
        (("installations", 0, "stations", 1, "identity"), "HARBOUR-A-01", "installations[0].stations[0].identity"),
        (("installations", 0, "stations", 1, "identity"), "a/b", "installations[0].stations[1].identity"),
        (("installations", 0, "stations", 0, "circuit"), "Row C", "installations[0].stations[0].circuit"),
        (("installations", 0, "stations", 0, "connectors", 0, "phases"), 5,
         "installations[0].stations[0].connectors[0].phases"),
        (("installations", 0, "stations", 0, "connectors", 0, "evse_id"), "nonsense",
         "installations[0].stations[0].connectors[0].evse_id"),
        (("tags", 0, "expires_at"), "tomorrow", "tags[0].expires_at"),
        (("tags", 0, "stations"), ["NOBODY"], "tags[0].stations"),
        (("tags", 0, "person"), "nobody@example.com", "tags[0].person"),
        (("groups", 0, "person"), "nobody@example.com", "groups[0].person"),
        (("grants", 0, "installation"), "Nowhere", "grants[0].installation"),
        (("grants", 0, "team"), "other", "grants[0]"),
        (("members", 0, "email"), "no address", "members[0].email"),
    ],
)  # fmt: skip
def test_an_error_says_where_and_nothing_is_half_written(
    document: dict[str, Any], team: Team, path: tuple[Any, ...], value: Any, field: str
) -> None:
    wrong = copy.deepcopy(document)
    at: Any = wrong
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    assert field in error_of(wrong, team)
    assert not Installation.objects.exists() and not ChargingStation.objects.exists() and not Tag.objects.exists()
    assert not Invitation.objects.exists()


def test_an_address_is_a_line_or_has_parts(team: Team) -> None:
    sites = [
        {"name": "A", "address": "Kai 3, 20457 Hamburg"},
        {"name": "B", "address": {"street": "Kai 3", "city": "Hamburg", "country": "de"}},
    ]
    apply_setup(document={"installations": sites}, team=team)
    rows = {row.name: (row.street, row.city, row.country) for row in Installation.objects.all()}
    assert rows == {"A": ("Kai 3, 20457 Hamburg", "", ""), "B": ("Kai 3", "Hamburg", "DE")}
    assert apply_setup(document={"installations": sites}, team=team).changes == []
    assert "installations[0].address" in error_of({"installations": [{"name": "A", "address": {"road": "1"}}]}, team)


def test_a_station_of_another_team_is_taken(document: dict[str, Any], team: Team, other_team: Team) -> None:
    factories.StationFactory.create(team=other_team, identity="HARBOUR-B-01")
    assert set(error_of(document, team)) == {"installations[0].stations[1].identity"}


def test_yaml_texts_stay_texts() -> None:
    text = "installations: [{name: NO, country: NO, circuits: [{name: 01, max_current_a: 16.5}]}]"
    read = read_document(text)
    assert read["installations"][0]["country"] == "NO"
    assert read["installations"][0]["circuits"][0]["max_current_a"] == 16.5
    for wrong in ("{", "a: [", "- 1", "tags: [{value: 12}]", "tags: 1"):
        with pytest.raises(DomainError):
            read_document(wrong)


def test_an_unknown_model_is_reported_and_a_known_one_fills_the_ratings(team: Team) -> None:
    """V21."""
    stations = [
        {"identity": "A", "password": "a-long-password", "model": "Nobody X1"},
        {"identity": "B", "password": "a-long-password", "model": "abb terra 54 cjg"},
    ]
    report = apply_setup(document={"stations": stations}, team=team)
    assert len(report.warnings) == 1 and "Nobody X1" in report.warnings[0]
    assert ChargingStation.objects.get(identity="A").connectors.count() == 1
    standards = ChargingStation.objects.get(identity="B").connectors.values_list("standard", flat=True)
    assert list(standards) == ["IEC_62196_T2_COMBO", "CHADEMO", "IEC_62196_T2"]
    assert apply_setup(document={"stations": stations}, team=team).changes == []


def test_only_staff_changes_the_catalogue(team: Team, administrator: User, staff: User) -> None:
    given = {"hardware_models": [{"vendor": "ABB", "name": "Terra 54 CJG", "quirks": "Changed"}]}
    report = apply_setup(document=given, team=team, actor=administrator)
    assert report.changes == [] and len(report.warnings) == 1
    assert apply_setup(document=given, team=team, actor=staff).changes[0].fields == ("quirks",)


def test_ten_thousand_stations_are_written_in_batches(team: Team, django_assert_max_num_queries: Any) -> None:
    stations = [{"identity": f"S-{n}", "password": "a-long-password"} for n in range(300)]
    with django_assert_max_num_queries(60):
        apply_setup(document={"stations": stations}, team=team)
    with django_assert_max_num_queries(15):
        assert apply_setup(document={"stations": stations}, team=team).changes == []


# --- API and commands ---------------------------------------------------------------------------------------------


def test_the_api_applies_and_returns_a_setup(api: Any, administrator: User, team: Team, document: Any) -> None:
    document.pop("groups"), document["tags"].pop()  # those of somebody else
    client = api(administrator)
    answer = client.put("/api/v1/setup/?dry_run=1", document, format="json")
    assert answer.status_code == 200 and answer.json()["changed"] == 11 and not Installation.objects.exists()
    answer = client.put("/api/v1/setup/", document, format="json")
    assert answer.status_code == 200 and set(answer.json()["passwords"]) == {"HARBOUR-B-01"}
    exported = client.get("/api/v1/setup/").json()
    assert "password" not in str(exported)
    assert client.put("/api/v1/setup/", exported, format="json").json()["changes"] == []
    document["installations"][0]["grid_type"] = "X"
    problem = client.put("/api/v1/setup/", document, format="json")
    assert problem.status_code == 400 and problem.json()["errors"][0]["field"] == "installations[0].grid_type"
    assert client.put("/api/v1/setup/?team=unknown", {}, format="json").status_code == 400


def test_an_administrator_puts_the_whole_export_back(
    api: Any, administrator: User, team: Team, document: dict[str, Any]
) -> None:
    """B20: with the groups of others, as long as they stay as they are."""
    apply_setup(document=document, team=team)
    client = api(administrator)
    exported = client.get("/api/v1/setup/").json()
    assert exported["groups"]
    assert client.put("/api/v1/setup/", exported, format="json").json()["changes"] == []
    exported["groups"][0]["stations"] = []
    assert client.put("/api/v1/setup/", exported, format="json").status_code == 403


def test_a_key_that_may_configure_sets_up_sites_but_not_people(team: Team, document: Any, program_client: Any) -> None:
    client = program_client(team, "configure")
    people = {name: document.pop(name) for name in ("members", "groups", "grants")}
    document["tags"].pop()
    document["tags"][0].pop("person")
    assert client.put("/api/v1/setup/", document, format="json").status_code == 200
    for name, rows in people.items():
        answer = client.put("/api/v1/setup/", {name: rows}, format="json")
        assert answer.status_code == 403, (name, answer.content)
    assert program_client(team, "stations:read").put("/api/v1/setup/", document, format="json").status_code == 403


def test_operators_are_refused(team: Team, document: Any, operator: User) -> None:
    with pytest.raises(NotAllowed):
        apply_setup(document=document, team=team, actor=operator)
    assert not Installation.objects.exists()


def test_the_commands_read_and_write_files(team: Team, manage: Any, tmp_path: Path, document: Any) -> None:
    """B20."""
    file = tmp_path / "setup.yaml"
    file.write_text(yaml.safe_dump(document))
    assert "dry run" in manage("apply_setup", str(file), "--team", team.handle, "--dry-run").out
    done = manage("apply_setup", str(file), "--team", team.handle, "--json").json
    assert done["changed"] == len(done["changes"]) == 13 and done["passwords"].keys() == {"HARBOUR-B-01"}
    file.write_text(manage("export_setup", "--team", team.handle, "--with-passwords").out)
    assert manage("apply_setup", str(file), "--team", team.handle, "--json").json["changes"] == []
    file.write_text(json.dumps(manage("export_setup", "--team", team.handle, "--json").json))
    assert manage("apply_setup", str(file), "--team", team.handle, "--json").json["changes"] == []


def test_the_documented_schema_is_the_one_that_is_checked() -> None:
    assert json.loads((DOCS / "setup.schema.json").read_text()) == json.loads(json.dumps(SCHEMA, default=str))
