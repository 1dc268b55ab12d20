"""What the demo shows before its simulated stations have done anything: two months of a small operator's life."""

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
from chargers.models import ChargingStation, Connector, Tag
from chargers.onboarding.services import registration
from chargers.tags.services import adding
from cpms.demo import events
from cpms.demo import log as demo_log
from cpms.demo.sessions import ADOPTED, ADOPTED_AGO, OFFLINE_FOR, make_sessions
from sessions.models import ChargingSession

PASSWORD = "nordlys-demo"  # noqa: S105 - of people who exist in the demo only
BEGAN_AGO, ISSUED_AGO = timedelta(days=69), timedelta(days=66)  # when the two teams began, and gave out their cards


@dataclass(frozen=True, slots=True)
class Login:
    """
    Attributes:
        team: empty for who is in no team and was given access to something.
        role: in the team, or of that access.
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
    (ADOPTED, "Lena Hansen, new card"),
    ("7C11D0F4", "Guest card 1"),
    ("7C11D0F5", "Guest card 2"),
    ("7C11D0F6", "Guest card 3 (lost)"),
    ("09D8AA37", "Contractor, until last month"),
)
LOST, ENDED = "7C11D0F6", "09D8AA37"
NEIGHBOURS_TAGS = (("FJ0001", "Town hall, pool car 1"), ("FJ0002", "Town hall, pool car 2"))


@transaction.atomic
def load() -> dict[str, int]:
    """Make what is missing. What is there stays as it is, so that a second start shows what happened since.

    Returns:
        how many stations and sessions are new.
    """
    began = timezone.now() - BEGAN_AGO
    with recorded_as_history(at=began, actor=None):
        teams = {
            DEMO_TEAM: teams_services.add_team(handle=DEMO_TEAM, name="Nordlys Energie")[0],
            DEMO_NEIGHBOUR: teams_services.add_team(handle=DEMO_NEIGHBOUR, name="Stadtwerke Fjordby")[0],
        }
        people = {login.email: _person(login, teams.get(login.team), began) for login in LOGINS}
    admins = {DEMO_TEAM: people["admin@nordlys.example"], DEMO_NEIGHBOUR: people["admin@fjordby.example"]}
    is_new = not ChargingSession.objects.filter(team=teams[DEMO_TEAM]).exists()
    with recorded_as_history(at=began + timedelta(hours=2), actor=admins[DEMO_TEAM]):
        stations = _stations(teams)
    events.place_stations(teams[DEMO_TEAM], admins[DEMO_TEAM], began + timedelta(hours=3))
    tags = _tags(teams[DEMO_TEAM], TAGS, admins[DEMO_TEAM])
    tags += _tags(teams[DEMO_NEIGHBOUR], NEIGHBOURS_TAGS, admins[DEMO_NEIGHBOUR])
    Tag.objects.filter(team=teams[DEMO_TEAM], value="5E3F70A3", user=None).update(user=people["viewer@nordlys.example"])
    Tag.objects.filter(team=teams[DEMO_TEAM], value="5E3F70A4", user=None).update(user=people[events.DRIVER])
    sessions = make_sessions(teams, tags) if is_new else 0
    events.load(teams[DEMO_TEAM], people)
    if is_new:
        demo_log.load(teams[DEMO_TEAM], people)
    return {"stations": stations, "sessions": sessions}


def _person(login: Login, team: Team | None, began: datetime) -> User:
    role = login.role if team is not None else Role.VIEWER
    user, is_new = people_services.add_user(
        email=login.email, password=PASSWORD, team=team, role=role, is_staff=login.is_staff
    )
    if not user.first_name:
        user.first_name, user.last_name = login.name.split()
        user.save(update_fields=["first_name", "last_name"])
        Membership.objects.filter(user=user, team=team).update(employee_number=f"N-{user.pk:04}")
    if is_new:
        User.objects.filter(pk=user.pk).update(date_joined=began)
        Membership.objects.filter(user=user).update(created_at=began)
    return user


def _stations(teams: dict[str, Team]) -> int:
    """Passwords are set each time, since the simulator relies on them; what a station reported is kept, and so is the
    team that somebody handed it over to."""
    known = dict(ChargingStation.objects.values_list("identity", "team"))
    homes = {one.identity: known.get(one.identity) or teams[one.team].pk for one in DEMO_STATIONS}
    for team in Team.objects.filter(pk__in=homes.values()):
        wanted = [
            registration.NewStation(one.identity, one.password, name=one.name, connectors=one.connectors)
            for one in DEMO_STATIONS
            if homes[one.identity] == team.pk
        ]
        registration.add_stations(team=team, stations=wanted)
    fresh = [one for one in DEMO_STATIONS if one.identity not in known]
    now = timezone.now()
    for one in fresh:
        seen_at = now if one.is_simulated else now - OFFLINE_FOR
        ChargingStation.objects.filter(identity=one.identity).update(
            vendor=one.vendor,
            model=one.model,
            serial_number=one.serial_number,
            firmware_version=one.firmware_version,
            registration=ChargingStation.Registration.ACCEPTED,
            booted_at=now - timedelta(days=9),
            boot_count=3,
            last_heard_at=seen_at,
            connected_at=now - timedelta(days=9),
            disconnected_at=seen_at,
            remote_address=one.address,
            epoch=3,
            created_at=now - BEGAN_AGO,
        )
        Connector.objects.filter(station__identity=one.identity).update(
            status=Connector.Status.AVAILABLE, error_code="", status_changed_at=seen_at, reported_at=seen_at
        )
    return len(fresh)


def _tags(team: Team, tags: tuple[tuple[str, str], ...], actor: User) -> list[Tag]:
    """Make those that are missing. One of them was refused before an administrator added it."""
    known = set(Tag.objects.filter(team=team).values_list("value", flat=True))
    now = timezone.now()
    at_first = [one for one in tags if one[0] != ADOPTED]
    for at, some in ((now - ISSUED_AGO, at_first), (now - ADOPTED_AGO, list(tags))):
        wanted = [
            adding.NewTag(
                value,
                label,
                status=Tag.Status.BLOCKED if value == LOST else Tag.Status.ACCEPTED,
                expires_at=now - timedelta(days=30) if value == ENDED else None,
            )
            for value, label in some
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
