"""Create the demo's installations, groups, grants, API keys, refused connections and deviations.

Each part is created if it has no rows yet, so that an older demo gets it as well. Data that depends on the history of
sessions is in `cpms.demo.log`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.access.rights import ApiScope, GrantRole, Role
from accounts.audit.context import recorded_as_history
from accounts.mails.services.mails import hash_token, invitation_token
from accounts.models import ApiToken, Grant, Invitation, Program, Team, User
from accounts.programs.services.programs import add_program
from accounts.programs.services.tokens import issue_api_token
from chargers.events.services import record_access
from chargers.groups.services.groups import create_group
from chargers.installations.services.circuits import save_circuit
from chargers.installations.services.installations import add_installation
from chargers.installations.services.placing import place_station
from chargers.models import ChargingStation, Event, Installation, StationGroup
from cpms.portal.models import SiteText
from maintenance.connections.services.deviations import ObservedDeviation, count_deviations
from maintenance.models import Deviation, RefusedConnection
from maintenance.notifications.services.notifications import build_notification

SERVICE, OWNER, DRIVER = "service@ladewerk.example", "owner@hafen.example", "driver@nordlys.example"
ADMIN, OPERATOR, SUPPORT = "admin@nordlys.example", "operator@nordlys.example", "support@nordlys.example"
POOL_STATION = "WERFT-0001"  # it has reported and waits for support staff to assign it to a team


@dataclass(frozen=True, slots=True)
class DemoInstallation:
    """An installation with its address, its contact, its circuits (each fed by the first) and its stations."""

    name: str
    kind: tuple[str, str]  # category, and where the vehicles stand
    address: tuple[str, str, str]
    position: tuple[str, str]
    contact: tuple[str, str]
    circuits: dict[str, int]  # amperes by name; the first is the grid connection
    stations: dict[str, str]  # circuit by identity


INSTALLATIONS = (
    DemoInstallation(
        "Parkhaus Hafen",
        (Installation.Category.PUBLIC, Installation.Parking.PARKING_GARAGE),
        ("Am Sandtorkai 30", "20457", "Hamburg"),
        ("53.544020", "9.996340"),
        ("Greta Sommer", "+49 40 66969 110"),
        {"Grid connection": 160, "Level 2": 100, "Level 3": 80},
        {"HAFEN-P2-07": "Level 2", "HAFEN-P2-08": "Level 2", "HAFEN-P3-01": "Level 3"},
    ),
    DemoInstallation(
        "Depot Altona",
        (Installation.Category.DEPOT, Installation.Parking.PARKING_LOT),
        ("Schnackenburgallee 41", "22525", "Hamburg"),
        ("53.580900", "9.903600"),
        ("Henrik Maas", "+49 40 66969 120"),
        {"Grid connection": 400, "Row A": 80, "Gate": 250},
        {"DEPOT-A-03": "Row A", "DEPOT-A-04": "Row A", "DEPOT-B-01": "Gate"},
    ),
    DemoInstallation(
        "Nordlicht Center",
        (Installation.Category.CUSTOMERS, Installation.Parking.PARKING_GARAGE),
        ("Wandsbeker Marktstraße 12", "22041", "Hamburg"),
        ("53.572300", "10.067200"),
        ("Sofia Reuter", "+49 40 66969 130"),
        {"Grid connection": 315, "North entrance": 200, "Parking deck": 80},
        {"MALL-0193": "North entrance", "MALL-0194": "Parking deck"},
    ),
    DemoInstallation(
        "Rathausplatz",
        (Installation.Category.PUBLIC, Installation.Parking.ON_STREET),
        ("Rathausplatz 1", "21335", "Lüneburg"),
        ("53.249200", "10.408100"),
        ("Bauamt, Frau Kern", "+49 40 66969 140"),
        {"Grid connection": 80},
        {"RATHAUS-01": "Grid connection"},
    ),
    DemoInstallation(
        "Rasthof Nordheide",
        (Installation.Category.PUBLIC, Installation.Parking.ALONG_MOTORWAY),
        ("A7, Rasthof Nordheide Ost", "21271", "Hanstedt"),
        ("53.289600", "10.003300"),
        ("Uwe Thomsen", "+49 40 66969 150"),
        {"Grid connection": 630},
        {"NEXT-004711": "Grid connection"},
    ),
    DemoInstallation(
        "Kita Süd",
        (Installation.Category.WORKPLACE, Installation.Parking.ON_DRIVEWAY),
        ("Veringstraße 60", "21107", "Hamburg"),
        ("53.512900", "9.987000"),
        ("Marlene Voigt", "+49 40 66969 160"),
        {"Grid connection": 50},
        {"KITA-SUED-02": "Grid connection"},
    ),
    DemoInstallation(
        "Lager West",
        (Installation.Category.WORKPLACE, Installation.Parking.PARKING_LOT),
        ("Billbrookdeich 210", "22113", "Hamburg"),
        ("53.531800", "10.093800"),
        ("Henrik Maas", "+49 40 66969 121"),
        {"Grid connection": 100},
        {"LAGER-W-12": "Grid connection"},
    ),
)
SITE_TEXTS = {
    (SiteText.Kind.IMPRINT, "en"): """Nordlys Energie GmbH
Am Sandtorkai 30, 20457 Hamburg, Germany

Managing director: Mia Holm
Hamburg District Court, HRB 000000
info@nordlys.example, +49 40 66969 100

Privacy

This is a demo. The people, cards and stations in it do not exist. What you enter stays on the computer that the demo
runs on, and is deleted with its database. There is no tracking. Questions about privacy: privacy@nordlys.example""",
    (SiteText.Kind.IMPRINT, "de"): """Nordlys Energie GmbH
Am Sandtorkai 30, 20457 Hamburg

Geschäftsführerin: Mia Holm
Amtsgericht Hamburg, HRB 000000
info@nordlys.example, 040 66969 100

Datenschutz

Dies ist eine Demo. Die Personen, Karten und Ladestationen darin gibt es nicht. Was Sie eingeben, bleibt auf dem
Rechner, auf dem die Demo läuft, und wird mit ihrer Datenbank gelöscht. Niemand wertet Ihre Besuche aus. Fragen zum
Datenschutz: privacy@nordlys.example""",
    (SiteText.Kind.COPYRIGHT, "en"): "© Nordlys Energie GmbH",
}
Cause, Near = RefusedConnection.Cause, RefusedConnection.Near
REFUSED_CONNECTIONS: tuple[dict[str, Any], ...] = (  # `of`: the station's identity; `hours`: how long ago
    {
        "of": "RATHAUS-01",
        "cause": Cause.UNKNOWN_IDENTITY,
        "near": Near.CASE,
        "identity": "Rathaus-01",
        "path": "/ocpp/Rathaus-01",
        "remote_address": "198.51.100.71",
        "user_agent": "libwebsockets/4.3.2",
        "hours": 71,
        "count": 38,
    },
    {
        "of": "DEPOT-A-03",
        "cause": Cause.WRONG_CREDENTIALS,
        "near": Near.PASSWORD_BLANKS,
        "identity": "DEPOT-A-03",
        "path": "/ocpp/DEPOT-A-03",
        "remote_address": "198.51.100.33",
        "user_agent": "ABB Terra AC",
        "authentication": "Basic",
        "hours": 170,
        "count": 12,
    },
    {
        "of": "KITA-SUED-02",
        "cause": Cause.WRONG_SUBPROTOCOL,
        "identity": "KITA-SUED-02",
        "path": "/ocpp/KITA-SUED-02",
        "remote_address": "198.51.100.14",
        "subprotocols": "ocpp1.5",
        "authentication": "Basic",
        "user_agent": "KeContact P30",
        "hours": 250,
        "count": 4,
    },
    {
        "of": "LAGER-W-12",
        "cause": Cause.UNKNOWN_PATH,
        "near": Near.PATH,
        "identity": "LAGER-W-12",
        "path": "/LAGER-W-12",
        "remote_address": "198.51.100.90",
        "user_agent": "KeContact P30",
        "authentication": "Basic",
        "hours": 54,
        "count": 57,
    },
    {
        "cause": Cause.UNKNOWN_IDENTITY,
        "identity": "CP000219",
        "path": "/ocpp/CP000219",
        "remote_address": "203.0.113.40",
        "user_agent": "Python/3.11 websockets/12.0",
        "hours": 20,
        "count": 219,
    },
    {
        "cause": Cause.UNKNOWN_PATH,
        "path": "/steve/websocket/CentralSystemService/EVB-P2107",
        "remote_address": "203.0.113.77",
        "user_agent": "Go-http-client/1.1",
        "hours": 9,
        "count": 6,
    },
)
# stations, action, error code of our answer (empty: the message was processed), rule, times a day, days
DEVIATIONS: tuple[tuple[tuple[str, ...], str, str, str, int, int], ...] = (
    (("MALL-0194", "RATHAUS-01"), "StopTransaction", "", "reason: enum", 2, 21),
    (("MALL-0194", "RATHAUS-01"), "StatusNotification", "", "vendorErrorCode: maxLength", 5, 21),
    (("HAFEN-P2-07", "HAFEN-P2-08", "HAFEN-P3-01"), "BootNotification", "", "imei: additionalProperties", 1, 9),
    (("LAGER-W-12",), "StatusNotification", "", "timestamp: format", 9, 12),
    (("KITA-SUED-02",), "DataTransfer", "FormationViolation", "vendorId: required", 1, 14),
)


def load(team: Team, users: Mapping[str, User]) -> None:
    """Create the missing parts in chronological order."""
    now = timezone.now()
    stations = {row.identity: row for row in ChargingStation.objects.filter(team=team).defer("password")}
    parts: tuple[Callable[[Team, Mapping[str, User], dict[str, ChargingStation], datetime], None], ...] = (
        _grants, _groups, _keys, _invitation, _refusals, _deviations,
    )  # fmt: skip
    for part in parts:
        part(team, users, stations, now)
    _site_texts()
    _pooled_station(now)


def _fields(demo: DemoInstallation) -> dict[str, Any]:
    street, code, city = demo.address
    name, phone = demo.contact
    return {
        "name": demo.name,
        "category": demo.kind[0],
        "parking": demo.kind[1],
        "street": street,
        "postal_code": code,
        "city": city,
        "country": "DE",
        "latitude": Decimal(demo.position[0]),
        "longitude": Decimal(demo.position[1]),
        "time_zone": "Europe/Berlin",
        "main_breaker_a": next(iter(demo.circuits.values())),
        "contact_name": name,
        "contact_phone": phone,
        "hotline": "+49 40 66969 100",
        "emergency_contact": f"{name}, {phone}",
    }


def create_installations(team: Team, actor: User, at: datetime) -> None:
    """Create the team's installations and place the stations in them that are in none yet."""
    if Installation.objects.filter(team=team).exists():
        return
    with recorded_as_history(at=at, actor=actor):
        for demo in INSTALLATIONS:
            installation = add_installation(team=team, fields=_fields(demo))
            circuits: dict[str, Any] = {}
            for circuit, amperes in demo.circuits.items():
                circuits[circuit] = save_circuit(
                    installation=installation,
                    circuit=None,
                    name=circuit,
                    max_current_a=amperes,
                    phases=3,
                    parent=next(iter(circuits.values()), None),
                )
            unplaced = ChargingStation.objects.filter(team=team, identity__in=demo.stations, installation=None)
            for station in unplaced.defer("password"):
                circuit = circuits[demo.stations[station.identity]]
                place_station(station=station, installation=installation, circuit=circuit)
    Installation.objects.filter(team=team).update(created_at=at)


def _grants(team: Team, users: Mapping[str, User], stations: dict[str, ChargingStation], now: datetime) -> None:
    """Create the grants without sending e-mails, as they date back some days."""
    if Grant.objects.filter(team=team).exists():
        return
    installations = {row.name: row for row in Installation.objects.filter(team=team)}
    ends_at = now + timedelta(days=21)
    wanted: list[tuple[float, str, str, dict[str, Any]]] = [
        *((11.9, GrantRole.USER, DRIVER, {"installation": row}) for row in installations.values()),
        (11.6, GrantRole.SERVICE, SERVICE, {"installation": installations.get("Depot Altona")}),
        (11.2, GrantRole.OWNER, OWNER, {"installation": installations.get("Parkhaus Hafen")}),
        (
            10.1,
            GrantRole.SERVICE,
            SERVICE,
            {"station": stations.get("NEXT-004711"), "ends_at": ends_at},
        ),
    ]
    for days, role, email, fields in wanted:
        if not any(fields.get(name) for name in ("installation", "station")):
            continue
        at = now - timedelta(days=days)
        with recorded_as_history(at=at, actor=users[ADMIN]):
            grant = Grant.objects.create(
                team=team, role=role, user=users[email], created_by=users[ADMIN], created_at=at, **fields
            )
            record_access(grant)
        event = Event.objects.get(kind=Event.Kind.ACCESS, key=str(grant.pk))
        notification = build_notification(users[email].pk, event)
        notification.created_at = event.notified_at = at + timedelta(minutes=1)
        notification.save()
        event.save(update_fields=["notified_at"])


def _groups(team: Team, users: Mapping[str, User], stations: dict[str, ChargingStation], now: datetime) -> None:
    wanted = (
        (ADMIN, "Fast chargers", ("DEPOT-B-01", "MALL-0193", "NEXT-004711")),
        (ADMIN, "Hamburg harbour", ("HAFEN-P2-07", "HAFEN-P2-08", "HAFEN-P3-01")),
        (OPERATOR, "Depot", ("DEPOT-A-03", "DEPOT-A-04", "DEPOT-B-01")),
        (SUPPORT, "To be watched", ("LAGER-W-12", "HAFEN-P3-01")),
    )
    if StationGroup.objects.filter(user__in={users[email] for email, _name, _identities in wanted}).exists():
        return
    for email, name, identities in wanted:
        with recorded_as_history(at=now - timedelta(days=9, hours=12), actor=users[email]):
            found = [stations[identity] for identity in identities if identity in stations]
            create_group(user=users[email], name=name, stations=found)


def _keys(team: Team, users: Mapping[str, User], stations: dict[str, ChargingStation], now: datetime) -> None:
    """Create API keys for the lists. Nobody knows their secrets, so they cannot be used."""
    with recorded_as_history(at=now - timedelta(days=9), actor=users[ADMIN]):
        if not Program.objects.filter(team=team).exists() and team.has_feature("api"):
            scopes = [ApiScope.STATIONS_READ, ApiScope.SESSIONS_READ]
            add_program(team=team, name="Fleet management", scopes=scopes, actor=users[ADMIN])
    for email in (ADMIN, SUPPORT):
        with recorded_as_history(at=now - timedelta(days=8, hours=18), actor=users[email]):
            if not ApiToken.objects.filter(user=users[email]).exists():
                issue_api_token(user=users[email], name="Monthly report", scopes=[ApiScope.SESSIONS_READ])


def _invitation(team: Team, users: Mapping[str, User], stations: dict[str, ChargingStation], now: datetime) -> None:
    """Create an open invitation. Its e-mail can be sent again on the page."""
    if Invitation.objects.filter(team=team).exists():
        return
    at = now - timedelta(days=8, hours=4)
    with recorded_as_history(at=at, actor=users[ADMIN]):
        invitation = Invitation(
            team=team,
            email="karla.weiss@nordlys.example",
            role=Role.OPERATOR,
            language="de",
            invited_by=users[ADMIN],
            created_at=at,
            expires_at=at + timedelta(days=14),
            nonce=secrets.token_urlsafe(32),
            token_hash=secrets.token_hex(32),
        )
        invitation.save()
    Invitation.objects.filter(pk=invitation.pk).update(token_hash=hash_token(invitation_token(invitation)))


def _refusals(team: Team, users: Mapping[str, User], stations: dict[str, ChargingStation], now: datetime) -> None:
    if RefusedConnection.objects.exists():
        return
    rows = []
    for refused in sorted(REFUSED_CONNECTIONS, key=lambda row: -row["hours"]):
        fields = dict(refused)
        station, hours = stations.get(fields.pop("of", "")), fields.pop("hours")
        if station is None and "of" in refused:
            continue
        hour = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        times = {"hour": hour, "first_at": hour + timedelta(minutes=4), "last_at": hour + timedelta(minutes=51)}
        fields = {"subprotocols": "ocpp1.6", "is_tls": True} | fields | times
        rows.append(RefusedConnection(station=station, **fields))
    RefusedConnection.objects.bulk_create(rows)


def _deviations(team: Team, users: Mapping[str, User], stations: dict[str, ChargingStation], now: datetime) -> None:
    if Deviation.objects.filter(station__team=team).exists():
        return
    count_deviations(
        ObservedDeviation(stations[identity].pk, action, code, what, now - timedelta(days=day, minutes=37 * (time + 1)))
        for identities, action, code, what, times, days in DEVIATIONS
        for identity in identities
        if identity in stations
        for day in range(days)
        for time in range(times)
    )


def _site_texts() -> None:
    if not SiteText.objects.exists():
        for (kind, language), text in SITE_TEXTS.items():
            SiteText.objects.create(kind=kind, language=language, text=text)


def _pooled_station(now: datetime) -> None:
    if (
        ChargingStation.objects.filter(identity=POOL_STATION).exists()
        or ChargingStation.objects.filter(team=None).exists()
    ):
        return
    ChargingStation.objects.create(
        identity=POOL_STATION,
        password=secrets.token_bytes(15),
        has_weak_password=False,
        registration=ChargingStation.Registration.PENDING,
        vendor="Compleo",
        model="Solo",
        serial_number="CO00417720",
        firmware_version="3.9.1",
        booted_at=now - timedelta(hours=31),
        boot_count=1,
        epoch=1,
        connected_at=now - timedelta(hours=31),
        disconnected_at=now - timedelta(hours=30),
        last_heard_at=now - timedelta(hours=30),
        created_at=now - timedelta(days=2),
    )
