"""Making stations and tags known: one by one or ten thousand at once, each time with the same rules."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import note_added
from accounts.models import Team, User
from chargers.models import ChargingStation, Installation, Tag
from chargers.services.passwords import PASSWORD_FIELDS, check_password, generate_password, password_facts
from chargers.services.statuses import MOST_CONNECTORS, ensure_connectors
from cpms.common.errors import NotAllowed, refuse
from cpms.common.messaging.news import tell_pages
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
T = TypeVar("T")
AT_ONCE = 500  # rows per statement: within SQLite's limit of parameters
LONGEST_IDENTITY = 48
USUAL_IDENTITY = 20  # OCPP 1.6 stations often have room for no more (CiString20)
IDENTITY_SIGNS = "* - _ = : + | @ ."
USABLE_IDENTITY = re.compile(r"[a-zA-Z0-9*\-_=:+|@.]+")  # OCPP's identifierString
LONGEST_TAG = 20  # what every station can read; a longer one is kept where it is known already


@dataclass(frozen=True, slots=True)
class NewStation:
    identity: str
    password: str | bytes | None  # None: a station that is known keeps its own
    name: str = ""
    protocol: str = ChargingStation.Protocol.OCPP_16
    connectors: int = 2


@dataclass(frozen=True, slots=True)
class NewTag:
    value: str
    label: str = ""
    status: str = Tag.Status.ACCEPTED
    expires_at: datetime | None = None
    kind: str = ""  # not given: a known tag keeps its own, a new one is "other"


@dataclass(frozen=True, slots=True)
class Assigned:
    station: ChargingStation
    password: str | None  # made for it, and told this once; None when it was given or the station had one


@dataclass(frozen=True, slots=True)
class Added:
    """What a bulk call found: rows it made, and rows that were there and are now as asked."""

    created: int
    updated: int

    def __add__(self, other: Added) -> Added:
        return Added(self.created + other.created, self.updated + other.updated)


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
    _demand_admin(actor, installation or team)
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
    note_added(new, actor=actor, team_id=team.pk)
    tell_pages({team.pk: keys.values()})
    logger.info("stations added", extra={"team": team.handle, "new": len(wanted) - len(known), "known": len(known)})
    return Added(created=len(wanted) - len(known), updated=len(known))


@transaction.atomic
def assign_station(
    *, station: ChargingStation, team: Team, password: str | bytes | None = None, actor: User | None = None
) -> Assigned:
    """Assign a station from the pool to a team; its next BootNotification is accepted.

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


def add_tag(
    *,
    team: Team,
    value: str,
    label: str = "",
    status: str = Tag.Status.ACCEPTED,
    expires_at: datetime | None = None,
    kind: str = "",
    stations: Collection[ChargingStation] = (),
    actor: User | None = None,
) -> Tag:
    """Make one tag known; see `add_tags`."""
    wanted = NewTag(value=value, label=label, status=status, expires_at=expires_at, kind=kind)
    add_tags(team=team, tags=[wanted], stations=stations, actor=actor)
    return _known_tags(team, [value])[value.upper()]


@transaction.atomic
def add_tags(
    *, team: Team, tags: Iterable[NewTag], stations: Collection[ChargingStation] = (), actor: User | None = None
) -> Added:
    """Make tags known to a team; those it has already (in any case) get the given status, expiry and scope, and
    label and kind where they are given.

    Args:
        stations: where the tags are valid; none: at every station of the team.

    Raises:
        NotAllowed: the person is no administrator of the team.
        DomainError: a value, status or kind is wrong, or a station belongs to another team (`fields` names which).
    """
    _demand_admin(actor, team)
    wanted = list(tags)
    known = _known_tags(team, [tag.value for tag in wanted])
    for tag in wanted:
        check_tag(tag, is_known=tag.value.upper() in known)
    if len({tag.value.upper() for tag in wanted}) < len(wanted):
        refuse("value", _("The same value is given twice; its case does not count."))
    if any(station.team_id != team.pk for station in stations):
        refuse("stations", _("A tag can be valid only at stations of its own team."))
    _save_tags(team, wanted, known)
    tags_now = _known_tags(team, [tag.value for tag in wanted])
    note_added([tag for value, tag in tags_now.items() if value not in known], actor=actor, team_id=team.pk)
    tag_ids = [tag.pk for tag in tags_now.values()]
    _set_scope(tag_ids, [station.pk for station in stations])
    logger.info("tags added", extra={"team": team.handle, "new": len(wanted) - len(known), "known": len(known)})
    return Added(created=len(wanted) - len(known), updated=len(known))


def find_station(identity: str) -> ChargingStation:
    """The station with this identity, whoever owns it: for scripts, which have no person.

    Raises:
        DomainError: there is none.
    """
    station = ChargingStation.objects.select_related("node").filter(identity=identity).first()
    if station is None:
        refuse("identity", _("There is no station “%(identity)s”.") % {"identity": identity})
    return station


def is_usable_identity(identity: str) -> bool:
    """Whether a station can use it: letters and digits of ASCII and the signs of OCPP's identifierString."""
    return len(identity) <= LONGEST_IDENTITY and USABLE_IDENTITY.fullmatch(identity) is not None


def check_identity(identity: str) -> None:
    """Check what a station shall call itself.

    Raises:
        DomainError: it is empty, too long, or has a character that stations cannot use.
    """
    if not 1 <= len(identity) <= LONGEST_IDENTITY:
        refuse("identity", _("An identity has 1 to %(most)d characters.") % {"most": LONGEST_IDENTITY})
    if not is_usable_identity(identity):
        refuse(
            "identity",
            _("An identity has only letters a to z and A to Z, digits, and the characters %(signs)s")
            % {"signs": IDENTITY_SIGNS},
        )


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
    if not 0 <= station.connectors <= MOST_CONNECTORS:
        refuse("connectors", _("A station has 0 to %(most)d connectors.") % {"most": MOST_CONNECTORS})


def check_tag(tag: NewTag, *, is_known: bool = False) -> None:
    """
    Args:
        is_known: whether the team has a tag with this value, which may be longer than a new one.

    Raises:
        DomainError: the value, the status or the type cannot be used.
    """
    check_lines(label=tag.label)
    if not tag.value or (len(tag.value) > LONGEST_TAG and not is_known):
        refuse("value", length_refusal())
    if tag.value != tag.value.strip() or not (tag.value.isprintable() and tag.value.isascii()):
        refuse("value", _("A tag's value has printable ASCII characters only, and no blank at its ends."))
    if tag.status not in Tag.Status.values:
        known = ", ".join(Tag.Status.values)
        refuse("status", _("The status must be one of: %(known)s.") % {"known": known})
    if tag.kind and tag.kind not in Tag.Kind.values:
        refuse("kind", _("The type must be one of: %(known)s.") % {"known": ", ".join(Tag.Kind.values)})


def length_refusal() -> str:
    return _("A tag has 1 to %(most)d characters.") % {"most": LONGEST_TAG}


def _demand_admin(actor: User | None, place: Team | Installation) -> None:
    if actor is not None and not actor.may(Can.ADD_STATIONS, place):
        raise NotAllowed(_("Only administrators of the team may do this."))


def _demand_free(known: Iterable[ChargingStation], team: Team, actor: User | None) -> None:
    """Who guesses the identity of a station in the pool must not get it: that takes our staff. Who may add stations to
    one installation only gets none that the team has elsewhere. What was handed over comes back to nobody."""
    is_of_team = actor is None or actor.may(Can.ADD_STATIONS, team)
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
        station.identity: station for some in _in_chunks(identities) for station in stations.filter(identity__in=some)
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
                rows, AT_ONCE, update_conflicts=True, unique_fields=["identity"], update_fields=changed
            )
            continue
        try:
            with transaction.atomic():
                ChargingStation.objects.bulk_create(rows, AT_ONCE)
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
        for some in _in_chunks(identities)
        for identity, pk in rows.filter(identity__in=some).values_list("identity", "pk")
    }


def _known_tags(team: Team, values: Sequence[str]) -> dict[str, Tag]:
    tags = Tag.objects.select_for_update(of=("self",)).filter(team=team).annotate(upper=Upper("value")).order_by("id")
    found = (tag for some in _in_chunks(values) for tag in tags.filter(_any_upper(some)))
    return {tag.value.upper(): tag for tag in found}


def _any_upper(values: Iterable[str]) -> Q:
    """Exact in any case. Values are ASCII, so that every database and Python agree on what upper case is."""
    return Q(upper__in=[value.upper() for value in values])


def _save_tags(team: Team, wanted: Sequence[NewTag], known: dict[str, Tag]) -> None:
    fresh, changed = [], []
    for new in wanted:
        tag = known.get(new.value.upper())
        if tag is None:
            facts = {"label": new.label, "status": new.status, "expires_at": new.expires_at}
            fresh.append(Tag(team=team, value=new.value, kind=new.kind or Tag.Kind.OTHER, **facts))
            continue
        tag.status, tag.expires_at = new.status, new.expires_at
        tag.label, tag.kind = new.label or tag.label, new.kind or tag.kind
        changed.append(tag)
    Tag.objects.bulk_update(changed, ["status", "expires_at", "label", "kind"], AT_ONCE // 3)
    try:
        with transaction.atomic():
            Tag.objects.bulk_create(fresh, AT_ONCE)
    except IntegrityError:
        refuse("value", _("One of the values was taken in this moment. Please try again."))


def _set_scope(tag_ids: Sequence[int], station_ids: Sequence[int]) -> None:
    through = Tag.stations.through
    for some in _in_chunks(tag_ids):
        through.objects.filter(tag_id__in=some).exclude(chargingstation_id__in=station_ids).delete()
    rows = [through(tag_id=tag, chargingstation_id=station) for tag in tag_ids for station in station_ids]
    through.objects.bulk_create(rows, AT_ONCE, ignore_conflicts=True)


def _in_chunks(values: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(itertools.islice(rest, AT_ONCE)):
        yield some
