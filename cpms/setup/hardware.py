"""Apply the hardware models of a set-up. The catalogue belongs to all teams, so only support staff may change it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from chargers.hardware.models import HardwareModel
from chargers.hardware.services.models import find_hardware_model, save_hardware_model
from cpms.setup.report import Report, at

CONNECTOR_FIELDS = (
    "number", "evse_number", "standard", "format", "power_type", "max_voltage_v", "max_current_a", "max_power_w",
)  # fmt: skip


def apply_hardware_model(report: Report, place: str, given: dict[str, Any]) -> None:
    """Add a hardware model, or edit the one with this vendor and name."""
    row = find_hardware_model(f"{given['vendor']} {given['name']}")
    connectors = sorted(given.get("connectors", []), key=lambda connector: connector["number"])
    changed: list[str] | None = None
    if row is not None:
        changed = [name for name in ("quirks", "data_sheet") if name in given and given[name] != getattr(row, name)]
        changed += ["connectors"] if "connectors" in given and connectors != connectors_of(row) else []
        if not changed:
            return
    if report.actor is not None and not report.actor.is_staff:
        report.warnings.append(
            _("%(place)s was left out: only support staff can change the catalogue of hardware models.")
            % {"place": place}
        )
        return
    with at(place):
        saved = save_hardware_model(
            model=row,
            vendor=given["vendor"],
            name=given["name"],
            quirks=given.get("quirks", row.quirks if row else ""),
            data_sheet=given.get("data_sheet", row.data_sheet if row else ""),
            connectors=connectors if "connectors" in given or row is None else None,
        )
    if changed is None:
        report.added("hardware model", str(saved))
    else:
        report.changed("hardware model", str(saved), *changed)


def connectors_of(model: HardwareModel) -> list[dict[str, Any]]:
    """Return the connectors of a model as a set-up lists them."""
    return list(model.connectors.order_by("number").values(*CONNECTOR_FIELDS))
