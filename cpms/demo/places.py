"""The demo team's installations with their circuits, and what their stations can deliver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.audit.context import recorded_as_history
from accounts.models import Team, User
from chargers.demo.park import DEMO_STATIONS, DemoStation
from chargers.hardware.services.catalogue import CATALOGUE
from chargers.models import ChargingStation, Installation
from cpms.setup.services import apply_setup

CATALOGUED = {f"{model.vendor} {model.name}" for model in CATALOGUE}
MODELS = {"Terra 184": "ABB Terra 184 CC"}  # models of the catalogue whose stations report a shorter name


@dataclass(frozen=True, slots=True)
class DemoInstallation:
    """An installation with its circuits (each fed by the first) and its stations."""

    name: str
    category: str
    parking: str
    position: tuple[float, float]
    opening_hours: str
    address: tuple[str, str, str]
    contact: tuple[str, str]
    circuits: dict[str, int]  # amperes by name
    stations: dict[str, str]  # circuit by identity


INSTALLATIONS = (
    DemoInstallation(
        "Parkhaus Hafen",
        "public",
        "PARKING_GARAGE",
        (53.54412, 9.99065),
        "Day and night",
        ("Am Sandtorkai 30", "20457", "Hamburg"),
        ("Greta Sommer", "+49 40 66969 110"),
        {"Grid connection": 160, "Level 2": 100, "Level 3": 80},
        {"HAFEN-P2-07": "Level 2", "HAFEN-P2-08": "Level 2", "HAFEN-P3-01": "Level 3"},
    ),
    DemoInstallation(
        "Depot Altona",
        "depot",
        "PARKING_LOT",
        (53.5853, 9.9149),
        "Mon to Sat, 5:00 to 23:00",
        ("Schnackenburgallee 41", "22525", "Hamburg"),
        ("Henrik Maas", "+49 40 66969 120"),
        {"Grid connection": 400, "Row A": 80, "Gate": 250},
        {"DEPOT-A-03": "Row A", "DEPOT-A-04": "Row A", "DEPOT-B-01": "Gate"},
    ),
    DemoInstallation(
        "Nordlicht Center",
        "customers",
        "PARKING_GARAGE",
        (53.5723, 10.0682),
        "Mon to Sat, 9:00 to 21:00",
        ("Wandsbeker Marktstraße 12", "22041", "Hamburg"),
        ("Sofia Reuter", "+49 40 66969 130"),
        {"Grid connection": 315, "North entrance": 200, "Parking deck": 80},
        {"MALL-0193": "North entrance", "MALL-0194": "Parking deck"},
    ),
    DemoInstallation(
        "Rathausplatz",
        "public",
        "PARKING_LOT",
        (53.2517, 10.4085),
        "Day and night",
        ("Rathausplatz 1", "21335", "Lüneburg"),
        ("Bauamt, Frau Kern", "+49 40 66969 140"),
        {"Grid connection": 80},
        {"RATHAUS-01": "Grid connection"},
    ),
    DemoInstallation(
        "Rasthof Nordheide",
        "public",
        "ALONG_MOTORWAY",
        (53.2906, 10.0345),
        "Day and night",
        ("A7, Rasthof Nordheide Ost", "21271", "Hanstedt"),
        ("Uwe Thomsen", "+49 40 66969 150"),
        {"Grid connection": 630},
        {"NEXT-004711": "Grid connection"},
    ),
    DemoInstallation(
        "Kita Süd",
        "workplace",
        "ON_DRIVEWAY",
        (53.4979, 10.004),
        "Mon to Fri, 6:30 to 18:00",
        ("Veringstraße 60", "21107", "Hamburg"),
        ("Marlene Voigt", "+49 40 66969 160"),
        {"Grid connection": 50},
        {"KITA-SUED-02": "Grid connection"},
    ),
    DemoInstallation(
        "Lager West",
        "depot",
        "PARKING_LOT",
        (53.5287, 10.088),
        "Mon to Fri, 6:00 to 22:00",
        ("Billbrookdeich 210", "22113", "Hamburg"),
        ("Henrik Maas", "+49 40 66969 121"),
        {"Grid connection": 100},
        {"LAGER-W-12": "Grid connection"},
    ),
)


def create_installations(team: Team, actor: User, at: datetime) -> None:
    """Create the team's installations and place the stations in them that are in none yet."""
    if Installation.objects.filter(team=team).exists():
        return
    unplaced = ChargingStation.objects.filter(team=team, installation=None)
    stations = set(unplaced.values_list("identity", flat=True))
    with recorded_as_history(at=at, actor=actor):
        apply_setup(document={"installations": [_installation(demo, stations) for demo in INSTALLATIONS]}, team=team)
    Installation.objects.filter(team=team).update(created_at=at)


def _installation(demo: DemoInstallation, stations: set[str]) -> dict[str, Any]:
    street, postal_code, city = demo.address
    contact_name, contact_phone = demo.contact
    main = next(iter(demo.circuits))
    latitude, longitude = demo.position
    park = {station.identity: station for station in DEMO_STATIONS}
    return {
        "name": demo.name,
        "category": demo.category,
        "parking": demo.parking,
        "address": {"street": street, "postal_code": postal_code, "city": city, "country": "DE"},
        "latitude": latitude,
        "longitude": longitude,
        "time_zone": "Europe/Berlin",
        "contact_name": contact_name,
        "contact_phone": contact_phone,
        "hotline": "+49 40 66969 200",
        "emergency_contact": f"{contact_name}, {contact_phone}",
        "opening_hours": demo.opening_hours,
        "main_breaker_a": demo.circuits[main],
        "circuits": [
            {"name": name, "max_current_a": amperes, "parent": None if name == main else main}
            for name, amperes in demo.circuits.items()
        ],
        "stations": [
            {"identity": identity, "circuit": circuit, **_hardware(park[identity])}
            for identity, circuit in demo.stations.items()
            if identity in stations
        ],
    }


def _hardware(station: DemoStation) -> dict[str, Any]:
    """Return the model and the connectors of a station. The phases of neighbouring connectors are rotated."""
    connectors = [{"number": number, **_rating(station, number)} for number in range(1, station.connectors + 1)]
    model = MODELS.get(station.model, f"{station.vendor} {station.model}")
    return {"model": model, "connectors": connectors} if model in CATALOGUED else {"connectors": connectors}


def _rating(station: DemoStation, number: int) -> dict[str, Any]:
    power_w = station.power_w
    if station.is_direct_current:
        plug = {"standard": "IEC_62196_T2_COMBO", "format": "CABLE", "power_type": "DC"}
        return {**plug, "max_power_w": power_w, "phases": 3}
    rotation = ("RST", "STR", "TRS")[(number - 1) % 3]
    return {
        "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_power_w": power_w,
        "max_current_a": {11_000: 16, 22_000: 32}[power_w], "phases": 3, "phase_rotation": rotation,
    }  # fmt: skip
