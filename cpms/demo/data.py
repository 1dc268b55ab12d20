"""Create the demo's teams, users, stations, tags and two months of history, before any simulated station starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.access.rights import GrantRole, Role
from accounts.audit.context import recorded_as_history
from accounts.models import Membership, Team, User
from accounts.people import services as people_services
from accounts.teams import services as teams_services
from chargers.demo.park import DEMO_NEIGHBOUR, DEMO_STATIONS, DEMO_TEAM
from chargers.models import ChargingStation, Connector, RefusedTag, Tag
from chargers.onboarding.services import registration
from chargers.tags.services import adding
from chargers.tags.services.authorization import Verdict
from chargers.tags.services.refusals import record_refusal
from chargers.vocabulary import TagVerdict
from cpms.demo import events
from cpms.demo import log as demo_log
from cpms.demo.places import create_installations
from cpms.demo.sessions import LATE_CARD, LATE_CARD_ADDED_AGO, OFFLINE_FOR, create_sessions
from sessions.models import ChargingSession

PASSWORD = "nordlys-demo"  # noqa: S105 - these users exist in the demo only
STARTED_AGO = timedelta(days=69)  # when the two teams were created
ISSUED_AGO = timedelta(days=66)  # when their tags were issued


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the demo who can sign in.

    Attributes:
        team: handle of the user's team; empty for a user without a team who only has a grant.
        role: role in the team, or role of the grant.
    """

    email: str
    name: str
    role: str
    team: str = DEMO_TEAM
    is_staff: bool = False

    @property
    def title(self) -> str:
        if self.is_staff:
            return "support staff"
        return f"{self.role} of {self.team}" if self.team else f"granted the role {self.role}"


LOGINS = (
    Login("admin@nordlys.example", "Mia Holm", Role.ADMIN),
    Login("operator@nordlys.example", "Jonas Brandt", Role.OPERATOR),
    Login("viewer@nordlys.example", "Ida Petersen", Role.VIEWER),
    Login("support@nordlys.example", "Nora Lind", Role.ADMIN, is_staff=True),
    Login("admin@fjordby.example", "Lars Nygaard", Role.ADMIN, DEMO_NEIGHBOUR),
    Login(events.SERVICE, "Olaf Reimers", GrantRole.SERVICE, ""),
    Login(events.OWNER, "Greta Sommer", GrantRole.OWNER, ""),
    Login(events.DRIVER, "Tim Albers", GrantRole.USER, ""),
)
TAGS = (
    ("04A2C7B1", "Van HH-NE 412"),
    ("04A2C7B2", "Van HH-NE 413"),
    ("04B9E011", "Van HH-NE 417"),
    ("04B9E012", "Truck HH-NE 801"),
    ("5E3F70A1", "Lena Hansen"),
    ("5E3F70A2", "Jonas Petersen"),
    ("5E3F70A3", "Mara Voss"),
    ("5E3F70A4", "Tim Albers"),
    ("5E3F70A5", "Aylin Demir"),
    ("5E3F70A6", "Paul Krüger"),
    ("04B9E013", "Truck HH-NE 802"),
    (LATE_CARD, "Lena Hansen, new card"),
    ("7C11D0F4", "Guest card 1"),
    ("7C11D0F5", "Guest card 2"),
    ("7C11D0F6", "Guest card 3 (lost)"),
    ("09D8AA37", "Contractor, until last month"),
)
LOST_TAG, EXPIRED_TAG = "7C11D0F6", "09D8AA37"
NEIGHBOUR_TAGS = (("FJ0001", "Town hall, pool car 1"), ("FJ0002", "Town hall, pool car 2"))


@transaction.atomic
def load() -> dict[str, int]:
    """Create the missing demo data.

    Existing rows stay unchanged, so that a second start shows what has happened since the first.

    Returns:
        The number of new stations and of new sessions.
    """
    started_at = timezone.now() - STARTED_AGO
    with recorded_as_history(at=started_at, actor=None):
        teams = {
            DEMO_TEAM: teams_services.add_team(handle=DEMO_TEAM, name="Nordlys Energie")[0],
            DEMO_NEIGHBOUR: teams_services.add_team(handle=DEMO_NEIGHBOUR, name="Stadtwerke Fjordby")[0],
        }
        users = {login.email: _user(login, teams.get(login.team), started_at) for login in LOGINS}
    admins = {DEMO_TEAM: users["admin@nordlys.example"], DEMO_NEIGHBOUR: users["admin@fjordby.example"]}
    is_new = not ChargingSession.objects.filter(team=teams[DEMO_TEAM]).exists()
    with recorded_as_history(at=started_at + timedelta(hours=2), actor=admins[DEMO_TEAM]):
        stations = _stations(teams)
    create_installations(teams[DEMO_TEAM], admins[DEMO_TEAM], started_at + timedelta(hours=3))
    tags = _tags(teams[DEMO_TEAM], TAGS, admins[DEMO_TEAM])
    tags += _tags(teams[DEMO_NEIGHBOUR], NEIGHBOUR_TAGS, admins[DEMO_NEIGHBOUR])
    Tag.objects.filter(team=teams[DEMO_TEAM], value="5E3F70A3", user=None).update(user=users["viewer@nordlys.example"])
    Tag.objects.filter(team=teams[DEMO_TEAM], value="5E3F70A4", user=None).update(user=users[events.DRIVER])
    sessions = create_sessions(teams, tags) if is_new else 0
    if is_new:
        _list_refused_tags()
    events.load(teams[DEMO_TEAM], users)
    if is_new:
        demo_log.load(teams[DEMO_TEAM], users)
    return {"stations": stations, "sessions": sessions}


def _user(login: Login, team: Team | None, started_at: datetime) -> User:
    role = login.role if team is not None else Role.VIEWER
    user, is_new = people_services.add_user(
        email=login.email, password=PASSWORD, team=team, role=role, is_staff=login.is_staff
    )
    if not user.first_name:
        user.first_name, user.last_name = login.name.split()
        user.save(update_fields=["first_name", "last_name"])
        Membership.objects.filter(user=user, team=team).update(employee_number=f"N-{user.pk:04}")
    if is_new:
        User.objects.filter(pk=user.pk).update(date_joined=started_at)
        Membership.objects.filter(user=user).update(created_at=started_at)
    return user


def _stations(teams: dict[str, Team]) -> int:
    """Create the missing stations and return how many there were.

    Passwords are reset on each call, because the simulator relies on them. The values that a station reported stay, and
    so does its team if the station was handed over.
    """
    known = dict(ChargingStation.objects.values_list("identity", "team"))
    team_ids = {station.identity: known.get(station.identity) or teams[station.team].pk for station in DEMO_STATIONS}
    for team in Team.objects.filter(pk__in=team_ids.values()):
        wanted = [
            registration.NewStation(
                station.identity, station.password, name=station.name, connectors=station.connectors
            )
            for station in DEMO_STATIONS
            if team_ids[station.identity] == team.pk
        ]
        registration.add_stations(team=team, stations=wanted)
    new = [station for station in DEMO_STATIONS if station.identity not in known]
    now = timezone.now()
    for station in new:
        last_heard_at = now if station.is_simulated else now - OFFLINE_FOR
        ChargingStation.objects.filter(identity=station.identity).update(
            vendor=station.vendor,
            model=station.model,
            serial_number=station.serial_number,
            firmware_version=station.firmware_version,
            registration=ChargingStation.Registration.ACCEPTED,
            booted_at=now - timedelta(days=9),
            boot_count=3,
            last_heard_at=last_heard_at,
            connected_at=now - timedelta(days=9),
            disconnected_at=last_heard_at,
            remote_address=station.address,
            epoch=3,
            created_at=now - STARTED_AGO,
        )
        Connector.objects.filter(station__identity=station.identity).update(
            status=Connector.Status.AVAILABLE,
            error_code="",
            status_changed_at=last_heard_at,
            reported_at=last_heard_at,
        )
    return len(new)


def _list_refused_tags() -> None:
    """List the tags of sessions that were refused, as the gateway would have done."""
    verdict = Verdict(TagVerdict.INVALID, reason=RefusedTag.Reason.UNKNOWN)
    sessions = ChargingSession.objects.filter(authorization=TagVerdict.INVALID).select_related("station")
    for session in sessions.order_by("started_at"):
        record_refusal(station=session.station, value=session.id_tag, verdict=verdict, at=session.started_at)


def _tags(team: Team, tags: tuple[tuple[str, str], ...], actor: User) -> list[Tag]:
    """Create the missing tags and return all of them; `LATE_CARD` is added later than the others."""
    known = set(Tag.objects.filter(team=team).values_list("value", flat=True))
    now = timezone.now()
    first_batch = [(value, label) for value, label in tags if value != LATE_CARD]
    for at, batch in ((now - ISSUED_AGO, first_batch), (now - LATE_CARD_ADDED_AGO, list(tags))):
        wanted = [
            adding.NewTag(
                value,
                label,
                status=Tag.Status.BLOCKED if value == LOST_TAG else Tag.Status.ACCEPTED,
                expires_at=now - timedelta(days=30) if value == EXPIRED_TAG else None,
            )
            for value, label in batch
            if value not in known
        ]
        if not wanted:
            continue
        with recorded_as_history(at=at, actor=actor):
            adding.add_tags(team=team, tags=wanted)
        values = [tag.value for tag in wanted]
        Tag.objects.filter(team=team, value__in=values).update(created_at=at)
        known |= set(values)
    return list(Tag.objects.filter(team=team, value__in=[value for value, _label in tags]))
