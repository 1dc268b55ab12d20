"""Apply the stations of a set-up: their password, place, hardware model and connectors."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from chargers.credentials.services import (
    StoredPassword,
    check_password,
    generate_password,
    set_password,
    verify_password,
)
from chargers.hardware.services.models import find_hardware_model
from chargers.installations.models import Circuit, Installation
from chargers.installations.services.placing import place_station
from chargers.models import ChargingStation, HardwareModel
from chargers.onboarding.services.registration import NewStation, add_stations
from chargers.stations.services.activity import set_station_active
from chargers.stations.services.naming import rename_station
from chargers.stations.services.ratings import RATING_FIELDS, set_hardware_model, set_ratings
from cpms.common.errors import DomainError, refuse
from cpms.setup.report import Report, at

DEFAULT_CONNECTORS = 1  # of a station whose connectors are not listed; others are added when it reports them


def apply_stations(report: Report, place: str, installation: Installation | None, given: list[dict[str, Any]]) -> None:
    """Add and edit the stations of an installation, or those that are in no installation."""
    identities = [station["identity"] for station in given]
    for number, identity in enumerate(identities):
        if identities.count(identity) > 1:
            with at(f"{place}[{number}]"):
                refuse("identity", _("The station is listed twice."))
    models = {name: find_hardware_model(name) for name in {one.get("model", "") for one in given} if name}
    known = _stations(report, identities)
    new = [(n, station) for n, station in enumerate(given) if station["identity"] not in known]
    _add(report, place, installation, new, models)
    rows = known | _stations(report, [station["identity"] for _n, station in new])
    circuits = {} if installation is None else {row.name: row for row in installation.circuits.all()}
    for number, station in enumerate(given):
        row = rows[station["identity"]]
        where = f"{place}[{number}]"
        with at(where):
            changed = [] if row.identity not in known else _edit(report, row, station)
            changed += _place(report, row, installation, circuits, station)
            changed += _equip(report, where, row, station, models)
            changed += _set_active(report, row, station)
        if row.identity in known:
            report.changed("station", row.identity, *changed)


def _stations(report: Report, identities: list[str]) -> dict[str, ChargingStation]:
    if not identities:
        return {}
    rows = ChargingStation.objects.filter(team=report.team, handed_over_at=None, identity__among=identities)
    rows = rows.select_related("team", "installation", "circuit", "hardware_model")
    return {row.identity: row for row in rows.prefetch_related("connectors__evse")}


def _add(
    report: Report,
    place: str,
    installation: Installation | None,
    new: list[tuple[int, dict[str, Any]]],
    models: dict[str, HardwareModel | None],
) -> None:
    wanted = []
    for number, station in new:
        password = station.get("password") or generate_password()
        if not station.get("password"):
            report.passwords[station["identity"]] = password
        listed = [connector["number"] for connector in station.get("connectors", [])]
        model = models.get(station.get("model", ""))
        count = max(listed, default=model.connectors.count() if model is not None else DEFAULT_CONNECTORS)
        protocol = station.get("protocol", "1.6").removeprefix("ocpp").removesuffix("J")
        row = NewStation(station["identity"], password, station.get("name", ""), protocol, count)
        with at(f"{place}[{number}]"):
            check_password(password)
        wanted.append((number, row))
        report.added("station", row.identity)
    if not wanted:
        return
    try:
        add_stations(
            team=report.team, stations=[row for _n, row in wanted], installation=installation, actor=report.actor
        )
    except DomainError:
        for number, row in wanted:  # find out which one it is; the transaction of the set-up is rolled back anyway
            with at(f"{place}[{number}]"):
                add_stations(team=report.team, stations=[row], installation=installation, actor=report.actor)
        raise


def _edit(report: Report, row: ChargingStation, given: dict[str, Any]) -> list[str]:
    changed = []
    if "name" in given and given["name"].strip() != row.name:
        rename_station(station=row, name=given["name"], actor=report.actor)
        changed.append("name")
    if given.get("password"):
        stored = StoredPassword(None if row.password is None else bytes(row.password), row.password_hash)
        if not verify_password(check_password(given["password"]), stored):
            set_password(station=row, password=given["password"], actor=report.actor)
            changed.append("password")
    return changed


def _place(
    report: Report,
    row: ChargingStation,
    installation: Installation | None,
    circuits: dict[str, Circuit],
    given: dict[str, Any],
) -> list[str]:
    """Put a station where the file lists it. A circuit that is not given stays, unless the installation changes."""
    name = given.get("circuit")
    if name is not None and name not in circuits:
        refuse("circuit", _("The installation has no circuit “%(name)s”.") % {"name": name})
    circuit = circuits[name] if name is not None else None
    if "circuit" not in given and row.installation_id == (installation and installation.pk):
        circuit = row.circuit
    changed = ["installation"] if row.installation_id != (installation and installation.pk) else []
    changed += ["circuit"] if row.circuit_id != (circuit and circuit.pk) else []
    if changed:
        place_station(station=row, installation=installation, circuit=circuit, actor=report.actor)
    return changed


def _equip(
    report: Report, where: str, row: ChargingStation, given: dict[str, Any], models: dict[str, HardwareModel | None]
) -> list[str]:
    """Set the hardware model and the connectors; empty ratings are filled from the model's data sheet."""
    changed = []
    model = models.get(given["model"]) if given.get("model") else row.hardware_model
    if given.get("model") and model is None:
        sentence = _("%(place)s: “%(name)s” is not in the catalogue of hardware models, so no ratings were filled in.")
        report.warnings.append(sentence % {"place": where, "name": given["model"]})
        model = row.hardware_model
    if model is not None and model.pk != row.hardware_model_id:
        set_hardware_model(station=row, model=model, actor=report.actor)
        changed.append("model")
    listed = {connector["number"]: dict(connector) for connector in given.get("connectors", [])}
    if changed and model is not None:
        for number, proposed in _proposed(row, model).items():
            listed[number] = proposed | listed.get(number, {"number": number})
    current = {connector["number"]: connector for connector in export_connectors(row)}
    listed = {number: given for number, given in listed.items() if _differs(given, current.get(number))}
    if listed and set_ratings(station=row, connectors=list(listed.values()), actor=report.actor):
        changed.append("connectors")
    return changed


def _differs(given: dict[str, Any], current: dict[str, Any] | None) -> bool:
    return current is None or any(value != current.get(name, value if value in ("", None) else None)
                                  for name, value in given.items())  # fmt: skip


def _proposed(row: ChargingStation, model: HardwareModel) -> dict[int, dict[str, Any]]:
    """Return the ratings of the model for the connectors and values that are still empty."""
    rows = {connector.number: connector for connector in row.connectors.all()}
    proposed = {}
    for plug in model.connectors.all():
        values = {name: getattr(plug, name) for name in ("standard", "format", "power_type", "max_power_w")}
        connector = rows.get(plug.number)
        if connector is not None:
            values = {name: value for name, value in values.items() if getattr(connector, name) in ("", None)}
        proposed[plug.number] = values
    return proposed


def _set_active(report: Report, row: ChargingStation, given: dict[str, Any]) -> list[str]:
    if "deactivated" not in given or given["deactivated"] is (row.deactivated_at is not None):
        return []
    set_station_active(station=row, is_active=not given["deactivated"], actor=report.actor)
    return ["deactivated"]


def export_connectors(row: ChargingStation) -> list[dict[str, Any]]:
    """Return the connectors of a station as a set-up lists them."""
    listed = []
    for connector in sorted(row.connectors.all(), key=lambda connector: connector.number):
        values = {name: getattr(connector, name) for name in RATING_FIELDS}
        if values["max_current_a"] is not None:
            values["max_current_a"] = float(values["max_current_a"])
        evse = connector.evse
        values |= {} if evse is None else {"evse": evse.number, "evse_id": evse.evse_id}
        listed.append({"number": connector.number} | {name: v for name, v in values.items() if v not in ("", None)})
    return listed
