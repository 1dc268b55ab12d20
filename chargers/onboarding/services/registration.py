"""Add stations, one by one or ten thousand at once, and assign stations of the pool to a team."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import record_added_rows
from accounts.models import Team, User
from chargers.credentials.services import PASSWORD_FIELDS, check_password, generate_password, password_facts
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from chargers.stations.services.batches import BATCH_SIZE, Added, demand_admin, in_chunks
from chargers.stations.services.identities import check_identity
from chargers.stations.services.statuses import MAX_CONNECTORS, ensure_connectors
from cpms.common.errors import NotAllowed, refuse
from cpms.common.messaging.news import tell_pages

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewStation:
    identity: str
    password: str | bytes | None  # None: a station that is known keeps its own
    name: str = ""
    protocol: str = ChargingStation.Protocol.OCPP_16
    connectors: int = 2


@dataclass(frozen=True, slots=True)
class Assigned:
    station: ChargingStation
    password: str | None  # made for it, and told this once; None when it was given or the station had one


def add_station(
    *,
    team: Team,
    identity: str,
    password: str | bytes | None,
    name: str = "",
    protocol: str = ChargingStation.Protocol.OCPP_16,
    connectors: int = 2,
    installation: Installation | None = None,
    actor: User | None = None,
) -> ChargingStation:
    """Make one station known; see `add_stations`."""
    wanted = NewStation(identity=identity, password=password, name=name, protocol=protocol, connectors=connectors)
    add_stations(team=team, stations=[wanted], installation=installation, actor=actor)
    return ChargingStation.objects.get(identity=identity)


@transaction.atomic
def add_stations(
    *,
    team: Team,
    stations: Iterable[NewStation],
    installation: Installation | None = None,
    actor: User | None = None,
) -> Added:
    """Make stations known to a team; those it has already get the given password, protocol, name and connectors.

    A password that is given is the only one from then on, whatever a station was told over OCPP before. A connector is
    added where it is missing, never taken away: it may have a history. A station that waits in the pool is assigned to
    the team.

    Args:
        installation: where they are. The service role of an installation may add new stations to it.

    Raises:
        NotAllowed: the person may not add stations to the team, or to the installation.
        DomainError: an identity, password, protocol or number of connectors is wrong (`fields` names which), or the
            identity belongs to another team.
    """
    demand_admin(actor, installation or team)
    if installation is not None and installation.team_id != team.pk:
        refuse("installation", _("This installation belongs to another team."))
    wanted = list(stations)
    if len({station.identity for station in wanted}) < len(wanted):
        refuse("identity", _("The same identity is given twice."))
    for station in wanted:
        if not station.identity.isprintable():  # the database could not even look for it
            check_identity(station.identity)
    known = _lock_known_stations([station.identity for station in wanted])
    for station in wanted:
        _check_station(station, is_known=station.identity in known)
    _demand_free(known.values(), team, actor)
    pooled = [station.pk for station in known.values() if station.team_id is None]
    _demand_passwords(wanted, known, pooled)
    ChargingStation.objects.filter(pk__in=pooled).update(team=team)
    _save_stations(team, [station for station in wanted if station.identity not in known], is_new=True)
    _save_stations(team, [station for station in wanted if station.identity in known], is_new=False)
    keys = _keys([station.identity for station in wanted])
    if installation is not None:
        ChargingStation.objects.filter(pk__in=keys.values()).exclude(installation=installation).update(
            installation=installation, circuit=None
        )
    ensure_connectors(
        [(keys[station.identity], number) for station in wanted for number in range(1, station.connectors + 1)]
    )
    new = [ChargingStation(pk=key, identity=name) for name, key in keys.items() if name not in known]
    record_added_rows(new, actor=actor, team_id=team.pk)
    tell_pages({team.pk: keys.values()})
    logger.info("stations added", extra={"team": team.handle, "new": len(wanted) - len(known), "known": len(known)})
    return Added(created=len(wanted) - len(known), updated=len(known))


@transaction.atomic
def assign_station(
    *, station: ChargingStation, team: Team, password: str | bytes | None = None, actor: User | None = None
) -> Assigned:
    """Assign a station from the pool to a team; its next restart is accepted.

    In the pool nobody is asked for a password, in a team everybody is: a station that has none gets one.

    Args:
        password: which it shall be; None: the one the station has (it may have been told one in the pool), or a
            random one.

    Raises:
        NotAllowed: only support staff may look into the pool.
        DomainError: the station has or had a team already, or the password cannot be one.
    """
    if actor is not None and not actor.is_staff:
        raise NotAllowed(_("Only support staff may assign stations from the pool."))
    station = ChargingStation.objects.select_for_update(of=("self",)).get(pk=station.pk)
    if station.handed_over_at is not None or (station.team_id is not None and station.team_id != team.pk):
        refuse("team", _("This station belongs to a team already."))
    station.team = team
    made = None
    if password is None and not station.has_password:
        made = password = generate_password()
    facts = {} if password is None else password_facts(check_password(password), team)
    for name, value in facts.items():
        setattr(station, name, value)
    station.save(update_fields=["team", *facts])
    tell_pages({team.pk: [station.pk]})
    logger.info("station assigned", extra={"station": station.identity, "team": team.handle})
    return Assigned(station, made)


def find_station(identity: str) -> ChargingStation:
    """The station with this identity, whoever owns it: for scripts, which have no person.

    Raises:
        DomainError: there is none.
    """
    station = ChargingStation.objects.select_related("node").filter(identity=identity).first()
    if station is None:
        refuse("identity", _("There is no station “%(identity)s”.") % {"identity": identity})
    return station


def _check_station(station: NewStation, *, is_known: bool) -> None:
    """A station that is there already may have an identity of a time with fewer rules."""
    if not is_known:
        check_identity(station.identity)
    if station.password is not None:
        check_password(station.password)
    if len(station.name) > 120 or not station.name.isprintable():
        refuse("name", _("A name has at most 120 printable characters."))
    if station.protocol not in ChargingStation.Protocol.values:
        known = ", ".join(ChargingStation.Protocol.values)
        refuse("protocol", _("The protocol must be one of: %(known)s.") % {"known": known})
    if not 0 <= station.connectors <= MAX_CONNECTORS:
        refuse("connectors", _("A station has 0 to %(most)d connectors.") % {"most": MAX_CONNECTORS})


def _demand_free(known: Iterable[ChargingStation], team: Team, actor: User | None) -> None:
    """Who guesses the identity of a station in the pool must not get it: that takes our staff. Who may add stations to
    one installation only gets none that the team has elsewhere. What was handed over comes back to nobody."""
    is_of_team = actor is None or actor.access.may(Can.ADD_STATIONS, team)
    for station in known:
        is_taken = station.team_id is not None and station.team_id != team.pk
        is_pooled = station.team_id is None and actor is not None and not actor.is_staff
        if is_taken or is_pooled or not is_of_team or station.handed_over_at is not None:
            refuse("identity", _("The identity “%(identity)s” is taken.") % {"identity": station.identity})


def _demand_passwords(
    wanted: Iterable[NewStation], known: Mapping[str, ChargingStation], pooled: Collection[int]
) -> None:
    """Without one a station of a team could never log in."""
    without = {station.identity for station in wanted if station.password is None}
    bare = ChargingStation.objects.filter(pk__in=pooled, password=None, password_hash="")
    if without - known.keys() or any(identity in without for identity in bare.values_list("identity", flat=True)):
        refuse("password", _("A station needs a password."))


def _lock_known_stations(identities: Sequence[str]) -> dict[str, ChargingStation]:
    columns = ("id", "identity", "team_id", "handed_over_at")
    stations = ChargingStation.objects.select_for_update(of=("self",)).only(*columns).order_by("id")
    return {
        station.identity: station for some in in_chunks(identities) for station in stations.filter(identity__in=some)
    }


def _save_stations(team: Team, wanted: Sequence[NewStation], *, is_new: bool) -> None:
    """One statement per chunk. What is there is updated by its unique identity; a name that is not given stays."""
    for is_named, has_password, group in _alike(wanted):
        rows = [
            ChargingStation(
                team=team,
                identity=station.identity,
                name=station.name,
                protocol=station.protocol,
                **({} if station.password is None else password_facts(check_password(station.password), team)),
            )
            for station in group
        ]
        if not is_new:
            changed = ["protocol", *(PASSWORD_FIELDS if has_password else ()), *(["name"] if is_named else [])]
            ChargingStation.objects.bulk_create(
                rows, BATCH_SIZE, update_conflicts=True, unique_fields=["identity"], update_fields=changed
            )
            continue
        try:
            with transaction.atomic():
                ChargingStation.objects.bulk_create(rows, BATCH_SIZE)
        except IntegrityError:  # somebody else made it in this moment
            refuse("identity", _("One of the identities was taken in this moment. Please try again."))


def _alike(wanted: Sequence[NewStation]) -> Iterator[tuple[bool, bool, list[NewStation]]]:
    """By what is given for them: a name, a password."""
    for is_named, has_password in itertools.product((True, False), repeat=2):
        group = [
            station
            for station in wanted
            if bool(station.name) is is_named and (station.password is not None) is has_password
        ]
        if group:
            yield is_named, has_password, group


def _keys(identities: Sequence[str]) -> dict[str, int]:
    rows = ChargingStation.objects.order_by()
    return {
        identity: pk
        for some in in_chunks(identities)
        for identity, pk in rows.filter(identity__in=some).values_list("identity", "pk")
    }
