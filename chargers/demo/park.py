"""The stations of the demo: created by `load_demo` and played by the simulator."""

from __future__ import annotations

from dataclasses import dataclass

DEMO_TEAM = "nordlys"
DEMO_NEIGHBOUR = "fjordby"  # a second team, to show that teams cannot see each other
LASTING_FAULT = "HAFEN-P3-01", 2  # station and connector: faulted until the station is reset


@dataclass(frozen=True, slots=True)
class DemoStation:
    identity: str
    name: str
    vendor: str
    model: str
    power_w: int  # of one connector
    connectors: int = 2
    phases: int = 3
    is_direct_current: bool = False
    habit: str = "office"  # when vehicles come: office, depot, mall or road
    team: str = DEMO_TEAM
    is_simulated: bool = True  # False: added, but never switched on
    firmware_version: str = "2.14.3"

    @property
    def password(self) -> str:
        return f"demo-password-{self.identity}"

    @property
    def address(self) -> str:
        """The address it connects from, one reserved for documentation (RFC 5737)."""
        return f"198.51.100.{sum(map(ord, self.identity)) % 250 + 1}"

    @property
    def serial_number(self) -> str:
        """A realistic serial number that is always the same for this station."""
        return f"{self.vendor[:2].upper()}{sum(ord(letter) * (n + 7) for n, letter in enumerate(self.identity)):08d}"


DEMO_STATIONS = (
    DemoStation("HAFEN-P2-07", "Parkhaus Hafen, level 2, bay 7", "Alfen", "Eve Double Pro-line", 22_000),
    DemoStation("HAFEN-P2-08", "Parkhaus Hafen, level 2, bay 8", "Alfen", "Eve Double Pro-line", 22_000),
    DemoStation("HAFEN-P3-01", "Parkhaus Hafen, level 3, bay 1", "Alfen", "Eve Double Pro-line", 11_000),
    DemoStation("DEPOT-A-03", "Depot A, row 3", "ABB", "Terra AC W22", 22_000, connectors=1, habit="depot"),
    DemoStation("DEPOT-A-04", "Depot A, row 4", "ABB", "Terra AC W22", 22_000, connectors=1, habit="depot"),
    DemoStation(
        "DEPOT-B-01",
        "Depot B, gate",
        "ABB",
        "Terra 184",
        90_000,
        habit="depot",
        is_direct_current=True,
        firmware_version="1.8.20",
    ),
    DemoStation(
        "MALL-0193",
        "Nordlicht Center, north entrance",
        "Wallbox",
        "Supernova 60",
        60_000,
        habit="mall",
        is_direct_current=True,
        firmware_version="5.17.54",
    ),
    DemoStation("MALL-0194", "Nordlicht Center, deck 1", "Mennekes", "Amtron Twincharge", 22_000, habit="mall"),
    DemoStation("RATHAUS-01", "Rathausplatz", "Mennekes", "Premium 22", 22_000, habit="mall"),
    DemoStation(
        "NEXT-004711",
        "A7 Rasthof Nordheide",
        "Alpitronic",
        "HYC150",
        150_000,
        habit="road",
        is_direct_current=True,
        firmware_version="2.5.1",
    ),
    DemoStation("KITA-SUED-02", "Kita Süd, staff parking", "Keba", "KeContact P30", 11_000, connectors=1),
    DemoStation("LAGER-W-12", "Lager West, bay 12", "Keba", "KeContact P30", 11_000, connectors=1, is_simulated=False),
    DemoStation("FJORD-0001", "Fjordby town hall", "Zaptec", "Pro", 22_000, connectors=1, team=DEMO_NEIGHBOUR),
)
