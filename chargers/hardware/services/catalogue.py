"""The hardware models that a new database knows, with the ratings of the usual variant.

Vendors sell variants; support staff corrects a model in the admin, and the ratings of a station are its own.
"""

from __future__ import annotations

from typing import NamedTuple

from chargers.vocabulary import ConnectorFormat, ConnectorStandard, PowerType

TYPE_2_SOCKET = ConnectorStandard.TYPE_2, ConnectorFormat.SOCKET
TYPE_2_CABLE = ConnectorStandard.TYPE_2, ConnectorFormat.CABLE
CCS_2 = ConnectorStandard.CCS_2, ConnectorFormat.CABLE
CHADEMO = ConnectorStandard.CHADEMO, ConnectorFormat.CABLE


class Plug(NamedTuple):
    """A connector of a model. Plugs with the same EVSE number cannot charge at the same time."""

    evse_number: int
    standard: str
    format: str
    power_type: str
    max_voltage_v: int
    max_current_a: int
    max_power_w: int


class Model(NamedTuple):
    vendor: str
    name: str
    plugs: tuple[Plug, ...]
    quirks: str = ""


def _ac(evse_number: int, plug: tuple[str, str], current_a: int = 32) -> Plug:
    """Return a three-phase connector with 230 V per phase."""
    power_w = {16: 11_000, 32: 22_000, 63: 43_000}[current_a]
    return Plug(evse_number, *plug, PowerType.AC_3_PHASE, 400, current_a, power_w)


def _dc(evse_number: int, plug: tuple[str, str], voltage_v: int, current_a: int, power_w: int) -> Plug:
    return Plug(evse_number, *plug, PowerType.DC, voltage_v, current_a, power_w)


CATALOGUE = (
    Model("ABB", "Terra AC W22-T-0", (_ac(1, TYPE_2_SOCKET),)),
    Model("ABB", "Terra AC W22-G5-0", (_ac(1, TYPE_2_CABLE),)),
    Model(
        "ABB",
        "Terra 54 CJG",
        (_dc(1, CCS_2, 500, 125, 50_000), _dc(1, CHADEMO, 500, 125, 50_000), _ac(2, TYPE_2_CABLE, 63)),
        "CCS and CHAdeMO share one rectifier; the AC outlet can be used at the same time.",
    ),
    Model("ABB", "Terra 184 CC", (_dc(1, CCS_2, 920, 200, 180_000), _dc(2, CCS_2, 920, 200, 180_000))),
    Model("Alfen", "Eve Single Pro-line", (_ac(1, TYPE_2_SOCKET),)),
    Model("Alfen", "Eve Double Pro-line", (_ac(1, TYPE_2_SOCKET), _ac(2, TYPE_2_SOCKET))),
    Model("Alpitronic", "HYC50", (_dc(1, CCS_2, 1000, 150, 50_000), _dc(2, CCS_2, 1000, 150, 50_000))),
    Model("Alpitronic", "HYC150", (_dc(1, CCS_2, 1000, 500, 150_000), _dc(2, CCS_2, 1000, 500, 150_000))),
    Model("Alpitronic", "HYC300", (_dc(1, CCS_2, 1000, 500, 300_000), _dc(2, CCS_2, 1000, 500, 300_000))),
    Model("Delta", "DC Wallbox 25 kW", (_dc(1, CCS_2, 500, 60, 25_000),)),
    Model("Easee", "Charge", (_ac(1, TYPE_2_SOCKET),)),
    Model("EVBox", "BusinessLine Double", (_ac(1, TYPE_2_SOCKET), _ac(2, TYPE_2_SOCKET))),
    Model("go-e", "Charger Gemini 22 kW", (_ac(1, TYPE_2_SOCKET),)),
    Model("KEBA", "KeContact P30 x-series ES24", (_ac(1, TYPE_2_SOCKET),)),
    Model("KEBA", "KeContact P30 x-series EC24", (_ac(1, TYPE_2_CABLE),)),
    Model("Mennekes", "AMEDIO Professional+ 22", (_ac(1, TYPE_2_SOCKET), _ac(2, TYPE_2_SOCKET))),
    Model("Mennekes", "AMTRON Professional 22", (_ac(1, TYPE_2_SOCKET),)),
    Model("Schneider Electric", "EVlink Pro AC 22 kW", (_ac(1, TYPE_2_SOCKET),)),
    Model("Tritium", "PKM150", (_dc(1, CCS_2, 920, 350, 150_000), _dc(2, CCS_2, 920, 350, 150_000))),
    Model("Vestel", "EVC04 22 kW", (_ac(1, TYPE_2_SOCKET),)),
    Model("Wallbox", "Copper SB 22 kW", (_ac(1, TYPE_2_SOCKET),)),
    Model("Wallbox", "Pulsar Plus 22 kW", (_ac(1, TYPE_2_CABLE),)),
    Model("Webasto", "Unite 22 kW", (_ac(1, TYPE_2_CABLE),)),
    Model("Zaptec", "Go", (_ac(1, TYPE_2_SOCKET),)),
    Model("Zaptec", "Pro", (_ac(1, TYPE_2_SOCKET),), "It needs the grid type of the installation to be set correctly."),
)
