"""Set up a team from a file, and write the set-up of a team to one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Prefetch

from accounts.models import Grant, Membership, Team, User
from chargers.groups.models import StationGroup
from chargers.hardware.models import HardwareModel
from chargers.installations.models import Installation
from chargers.installations.services.installations import INSTALLATION_FIELDS
from chargers.models import ChargingStation, Connector, Tag
from cpms.setup import people
from cpms.setup.documents import check_document
from cpms.setup.hardware import apply_hardware_model, connectors_of
from cpms.setup.report import Report
from cpms.setup.sites import apply_installation, deactivate_circuits
from cpms.setup.stations import apply_stations, export_connectors

Document = dict[str, Any]
APPLY_BY_SECTION = (
    ("hardware_models", apply_hardware_model),
    ("members", people.apply_member),
    ("installations", None),
    ("groups", people.apply_group),
    ("tags", people.apply_tag),
    ("grants", people.apply_grant),
)


def apply_setup(*, document: Any, team: Team, actor: User | None = None, is_dry_run: bool = False) -> Report:
    """Bring a team's installations, stations, tags and people to what a set-up says, in one transaction.

    Rows are found by their names and identities, added where they are missing, and edited where a given value differs.
    Nothing is ever deleted: what the set-up does not mention stays as it is.

    Args:
        actor: whose rights are checked; None for the command line.
        is_dry_run: do everything and roll it back.

    Raises:
        NotAllowed: the actor may not do something that the set-up asks for.
        DomainError: the set-up is wrong (`fields` names the places, like `installations[0].circuits[2].phases`).
    """
    check_document(document)
    report = Report(team, actor)
    with transaction.atomic():
        for section, apply_row in APPLY_BY_SECTION:
            if apply_row is None:
                _apply_places(report, document)
                continue
            for number, given in enumerate(document.get(section, [])):
                apply_row(report, f"{section}[{number}]", given)
        if is_dry_run:
            transaction.set_rollback(True)
    return report


def _apply_places(report: Report, document: Document) -> None:
    rows = []
    for number, given in enumerate(document.get("installations", [])):
        place = f"installations[{number}]"
        installation = apply_installation(report, place, given)
        rows.append((place, installation, given))
        apply_stations(report, f"{place}.stations", installation, given.get("stations", []))
    apply_stations(report, "stations", None, document.get("stations", []))
    for place, installation, given in rows:  # stations may have moved away to a later installation
        deactivate_circuits(report, f"{place}.circuits", installation, given.get("circuits", []))


def export_setup(*, team: Team, with_passwords: bool = False) -> Document:
    """Return the set-up of a team; applied to the same team it changes nothing.

    Args:
        with_passwords: include station passwords that are not stored as hashes, for a move to another system.
    """
    stations = _stations_of(team)
    models = HardwareModel.objects.filter(stations__team=team, stations__handed_over_at=None).distinct()
    installations = Installation.objects.filter(team=team).prefetch_related("circuits__parent").order_by("name", "pk")
    sections = {
        "hardware_models": [_hardware_model(model) for model in models],
        "members": [
            {"email": member.user.email, "role": member.role}
            for member in Membership.objects.filter(team=team).select_related("user").order_by("user__email")
        ],
        "installations": [
            _installation(row, [one for one in stations if one.installation_id == row.pk], with_passwords)
            for row in installations
        ],
        "stations": [_station(row, with_passwords) for row in stations if row.installation_id is None],
        "groups": _groups(team),
        "tags": [_tag(row) for row in _tags_of(team)],
        "grants": [_grant(row) for row in _grants_of(team)],
    }
    return {name: rows for name, rows in sections.items() if rows}


def _stations_of(team: Team) -> list[ChargingStation]:
    connectors = Prefetch("connectors", Connector.objects.select_related("evse").order_by("number"))
    rows = ChargingStation.objects.filter(team=team, handed_over_at=None).prefetch_related(connectors)
    return list(rows.select_related("circuit", "hardware_model").order_by("identity"))


def _hardware_model(model: HardwareModel) -> Document:
    fields = {name: getattr(model, name) for name in ("vendor", "name", "quirks", "data_sheet")}
    return {name: value for name, value in fields.items() if value} | {"connectors": connectors_of(model)}


def _installation(row: Installation, stations: list[ChargingStation], with_passwords: bool) -> Document:
    fields: Document = {}
    for name in INSTALLATION_FIELDS:
        value = getattr(row, name)
        if value not in ("", None):
            fields["voltage" if name == "voltage_v" else name] = float(value) if isinstance(value, Decimal) else value
    circuits = [
        {
            "name": circuit.name,
            "parent": circuit.parent and circuit.parent.name,
            "max_current_a": float(circuit.max_current_a),
            "phases": circuit.phases,
        }
        | ({"deactivated": True} if circuit.deactivated_at is not None else {})
        for circuit in sorted(row.circuits.all(), key=lambda circuit: circuit.name)
    ]
    listed = [_station(station, with_passwords) for station in stations]
    return fields | ({"circuits": circuits} if circuits else {}) | ({"stations": listed} if listed else {})


def _station(row: ChargingStation, with_passwords: bool) -> Document:
    fields: Document = {"identity": row.identity, "name": row.name, "protocol": row.protocol}
    if row.circuit is not None:
        fields["circuit"] = row.circuit.name
    if row.hardware_model is not None:
        fields["model"] = str(row.hardware_model)
    if row.deactivated_at is not None:
        fields["deactivated"] = True
    if with_passwords and row.password is not None:
        fields["password"] = _password_text(bytes(row.password))
    connectors = export_connectors(row)
    return fields | ({"connectors": connectors} if connectors else {})


def _password_text(secret: bytes) -> str:
    """Return a password as text, or as the hex text that means the same bytes."""
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return secret.hex()
    return text if text.isprintable() else secret.hex()


def _groups(team: Team) -> list[Document]:
    members = StationGroup.objects.filter(user__memberships__team=team).select_related("user")
    stations = Prefetch("stations", ChargingStation.objects.filter(team=team).only("identity").order_by("identity"))
    return [
        {"name": row.name, "person": row.user.email, "stations": [one.identity for one in row.stations.all()]}
        for row in members.prefetch_related(stations).order_by("user__email", "name")
    ]


def _tags_of(team: Team) -> Any:
    stations = Prefetch("stations", ChargingStation.objects.only("identity").order_by("identity"))
    rows = Tag.objects.filter(team=team).select_related("user").order_by("value")
    return rows.prefetch_related(stations, "installations", "groups__user")


def _tag(row: Tag) -> Document:
    fields: Document = {"value": row.value, "label": row.label, "type": row.kind, "status": row.status}
    for name in ("valid_from", "expires_at"):
        moment = getattr(row, name)
        fields |= {name: moment.isoformat()} if moment is not None else {}
    fields |= {"time_windows": row.time_windows} if row.time_windows else {}
    fields |= {"person": row.user.email} if row.user is not None else {}
    if row.scope == Tag.Scope.ALL:
        return fields
    groups = [{"name": group.name, "person": group.user.email} for group in row.groups.all()]
    lists = {
        "stations": [station.identity for station in row.stations.all()],
        "installations": [installation.name for installation in row.installations.all()],
        "groups": groups,
    }
    return fields | {"scope": row.scope} | {name: rows for name, rows in lists.items() if rows}


def _grants_of(team: Team) -> Any:
    rows = Grant.objects.active().filter(team=team).select_related("installation", "station", "user", "to_team")
    return rows.order_by("pk")


def _grant(row: Grant) -> Document:
    fields: Document = {"role": row.role}
    fields |= {"installation": row.installation.name} if row.installation else {}
    fields |= {"station": row.station.identity} if row.station else {}
    fields |= {"person": row.user.email} if row.user else {}
    fields |= {"team": row.to_team.handle} if row.to_team else {}
    return fields | ({"ends_at": row.ends_at.isoformat()} if row.ends_at is not None else {})
