"""Add stations, one or ten thousand at a time, and assign stations from the pool to a team."""

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
from chargers.credentials.services import PASSWORD_FIELDS, check_password, generate_password, password_columns
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from chargers.stations.services.batches import BATCH_SIZE, Added, in_chunks, require_admin
from chargers.stations.services.identities import check_identity
from chargers.stations.services.statuses import MAX_CONNECTORS, ensure_connectors
from cpms.common.errors import NotAllowed, refuse
from cpms.common.messaging.news import tell_pages

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewStation:
    """A station to be added.

    Attributes:
        password: None: an existing station keeps its password.
        name: empty: an existing station keeps its name.
    """

    identity: str
    password: str | bytes | None
    name: str = ""
    protocol: str = ChargingStation.Protocol.OCPP_16
    connectors: int = 2


@dataclass(frozen=True, slots=True)
class Assigned:
    """A station that was assigned to a team.

    Attributes:
        password: the password that was generated for it; None if it was given or the station had one.
    """

    station: ChargingStation
    password: str | None


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
    """Add one station; see `add_stations`."""
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
    """Add stations to a team; stations that it has already get the given password, protocol, name and connectors.

    A given password is the only valid one from then on, even if the station was sent another one by OCPP. Missing
    connectors are added; existing ones are never removed, since they may have a history. A station in the pool is
    assigned to the team.

    Args:
        installation: where the stations are. The service role of an installation may add new stations to it.

    Raises:
        NotAllowed: the actor may not add stations to the team or the installation.
        DomainError: an identity, password, protocol or number of connectors is wrong (`fields` names which), or the
            identity belongs to another team.
    """
    require_admin(actor, installation or team)
    if installation is not None and installation.team_id != team.pk:
        refuse("installation", _("This installation belongs to another team."))
    wanted = list(stations)
    if len({station.identity for station in wanted}) < len(wanted):
        refuse("identity", _("The list contains the same identity twice."))
    for station in wanted:
        if not station.identity.isprintable():  # the database cannot even search for it
            check_identity(station.identity)
    known = _lock_known_stations([station.identity for station in wanted])
    for station in wanted:
        _check_station(station, is_known=station.identity in known)
    _require_free(known.values(), team, actor)
    pooled = [station.pk for station in known.values() if station.team_id is None]
    _require_passwords(wanted, known, pooled)
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

    Stations in the pool need no password, stations of a team do: a station without a password gets one.

    Args:
        password: the password to set; None: keep the station's password (it may have been sent one in the pool), or
            generate one.

    Raises:
        NotAllowed: the actor is not support staff.
        DomainError: the station has or had a team already, or the password is not valid.
    """
    if actor is not None and not actor.is_staff:
        raise NotAllowed(_("Only support staff can assign stations from the pool."))
    station = ChargingStation.objects.select_for_update(of=("self",)).get(pk=station.pk)
    if station.handed_over_at is not None or (station.team_id is not None and station.team_id != team.pk):
        refuse("team", _("This station already belongs to a team."))
    station.team = team
    generated = None
    if password is None and not station.has_password:
        generated = password = generate_password()
    columns = {} if password is None else password_columns(check_password(password), team)
    for name, value in columns.items():
        setattr(station, name, value)
    station.save(update_fields=["team", *columns])
    tell_pages({team.pk: [station.pk]})
    logger.info("station assigned", extra={"station": station.identity, "team": team.handle})
    return Assigned(station, generated)


def find_station(identity: str) -> ChargingStation:
    """Return the station with this identity, whichever team it belongs to: for scripts, which act for no user.

    Raises:
        DomainError: there is no such station.
    """
    station = ChargingStation.objects.select_related("node").filter(identity=identity).first()
    if station is None:
        refuse("identity", _("There is no station “%(identity)s”.") % {"identity": identity})
    return station


def _check_station(station: NewStation, *, is_known: bool) -> None:
    """Check the values of a new station. Existing stations may have an identity from a time with fewer rules."""
    if not is_known:
        check_identity(station.identity)
    if station.password is not None:
        check_password(station.password)
    if len(station.name) > 120 or not station.name.isprintable():
        refuse("name", _("A name can have at most 120 printable characters."))
    if station.protocol not in ChargingStation.Protocol.values:
        known = ", ".join(ChargingStation.Protocol.values)
        refuse("protocol", _("The protocol must be one of: %(known)s.") % {"known": known})
    if not 0 <= station.connectors <= MAX_CONNECTORS:
        refuse("connectors", _("A station can have 0 to %(most)d connectors.") % {"most": MAX_CONNECTORS})


def _require_free(known: Iterable[ChargingStation], team: Team, actor: User | None) -> None:
    """Raise an error if the identity of an existing station may not be used by this actor.

    Guessing the identity of a station in the pool must not be enough to get it: only support staff may. A user who may
    only add stations to one installation gets none that the team has elsewhere. A station that was handed over cannot
    be added again.
    """
    is_of_team = actor is None or actor.access.may(Can.ADD_STATIONS, team)
    for station in known:
        is_taken = station.team_id is not None and station.team_id != team.pk
        is_pooled = station.team_id is None and actor is not None and not actor.is_staff
        if is_taken or is_pooled or not is_of_team or station.handed_over_at is not None:
            refuse("identity", _("The identity “%(identity)s” is taken.") % {"identity": station.identity})


def _require_passwords(
    wanted: Iterable[NewStation], known: Mapping[str, ChargingStation], pooled: Collection[int]
) -> None:
    """Raise an error if a station would have no password: it could never sign in."""
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
    """Insert or update stations with one statement per chunk.

    Existing stations are updated by their unique identity, and keep their name if none is given.
    """
    for is_named, has_password, group in _grouped_by_given_values(wanted):
        rows = [
            ChargingStation(
                team=team,
                identity=station.identity,
                name=station.name,
                protocol=station.protocol,
                **({} if station.password is None else password_columns(check_password(station.password), team)),
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
        except IntegrityError:  # another request created one of them at the same time
            refuse("identity", _("One of the identities has just been taken. Please try again."))


def _grouped_by_given_values(wanted: Sequence[NewStation]) -> Iterator[tuple[bool, bool, list[NewStation]]]:
    """Yield the stations in groups: with and without a given name, with and without a given password."""
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
