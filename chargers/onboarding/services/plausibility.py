"""Compare what people entered for connectors with the data sheet of the hardware model and with the circuit."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chargers.hardware.models import HardwareConnector
from chargers.stations.models import ChargingStation, Connector
from chargers.vocabulary import PowerType
from cpms.common.web import formatting

MAX_DEVIATION = 0.15  # of the rated power from what current and phases yield; data sheets round
PHASE_VOLTAGE_V = 230


def implausible_ratings(station: ChargingStation) -> list[str]:
    """Return what does not fit together, one sentence each; an empty list if all is plausible or nothing is entered."""
    model = station.hardware_model
    plugs = {} if model is None else {plug.number: plug for plug in model.connectors.all()}
    found = []
    for connector in station.connectors.order_by("number"):
        found += _against_model(connector, plugs.get(connector.number))
        found += _against_circuit(connector, station)
        found += _against_itself(connector, station)
    return found


def _against_model(connector: Connector, plug: HardwareConnector | None) -> list[str]:
    found = []
    if plug is not None and connector.max_power_w is not None and connector.max_power_w > plug.max_power_w:
        found.append(
            _("Connector %(number)d: %(power)s kW is more than the %(rated)s kW of the data sheet.")
            % {
                "number": connector.number,
                "power": formatting.kw(connector.max_power_w),
                "rated": formatting.kw(plug.max_power_w),
            }
        )
    if plug is not None and connector.standard and connector.standard != plug.standard:
        found.append(
            _("Connector %(number)d: the data sheet says %(rated)s.")
            % {"number": connector.number, "rated": plug.get_standard_display()}
        )
    return found


def _against_circuit(connector: Connector, station: ChargingStation) -> list[str]:
    circuit, found = station.circuit, []
    if circuit is None:
        return []
    if connector.max_current_a is not None and connector.max_current_a > circuit.max_current_a:
        found.append(
            _("Connector %(number)d: %(current)s A is more than the fuse of its circuit “%(circuit)s” (%(fuse)s A).")
            % {
                "number": connector.number,
                "current": formatting.amperes(connector.max_current_a),
                "circuit": circuit.name,
                "fuse": formatting.amperes(circuit.max_current_a),
            }
        )
    if connector.phases is not None and connector.phases > circuit.phases:
        found.append(
            _("Connector %(number)d: it is connected to %(phases)d phases, but its circuit “%(circuit)s” has one.")
            % {"number": connector.number, "phases": connector.phases, "circuit": circuit.name}
        )
    return found


def _against_itself(connector: Connector, station: ChargingStation) -> list[str]:
    """Compare rated power with current and phases of an AC connector."""
    power_w, current_a, phases = connector.max_power_w, connector.max_current_a, connector.phases
    if not power_w or not current_a or not phases or connector.power_type == PowerType.DC:
        return []
    place = station.installation
    if place is not None and place.grid_type == place.GridType.IT:
        return []  # without a neutral, the power depends on how the vehicle is connected
    expected_w = float(current_a) * phases * (PHASE_VOLTAGE_V if place is None else place.voltage_v)
    if abs(power_w - expected_w) <= MAX_DEVIATION * expected_w:
        return []
    return [
        _("Connector %(number)d: %(current)s A on %(phases)d phases yield about %(power)s kW, not %(rated)s kW.")
        % {
            "number": connector.number,
            "current": formatting.amperes(current_a),
            "phases": phases,
            "power": formatting.kw(round(expected_w)),
            "rated": formatting.kw(power_w),
        }
    ]
