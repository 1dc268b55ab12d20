"""The notifications of the portal: alerts, faults, offline stations, access that was granted.

A sweep looks once a minute at what there is, away from every message's way. What was told once is remembered by a key
(`Happening`), so that neither a second sweep nor a connector that flaps tells it again; many of one kind become one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.models import Grant, Membership, User
from accounts.rights import Can, allows
from chargers.models import ChargingStation, Connector
from cpms.common.news import hint, person_group
from maintenance.models import Happening, Notification, NotificationChoice, SecurityEvent

Kind = Notification.Kind
RECENT = timedelta(hours=24)  # what is older was told, or is no news any more
AWAY = timedelta(minutes=15)
KEPT = timedelta(days=90)
MOST_AT_ONCE = 2000  # of a kind in one sweep
SINGLY = 10  # to one person of one kind in one sweep; more become one
AT_ONCE = 500


class Told(NamedTuple):
    key: str
    kind: str
    link: str
    parameters: dict[str, Any]
    station: tuple[int, int | None, int | None] | None  # its key, team and installation
    grant: Grant | None = None


def notify() -> int:
    """Tell everybody what is new. Returns the number of notifications that were made."""
    now = timezone.now()
    with transaction.atomic():
        made = _tell(_unknown([*_alarms(now), *_faults(now), *_away(now), *_grants(now)]))
    Notification.objects.filter(created_at__lt=now - KEPT).delete()
    Happening.objects.filter(at__lt=now - KEPT).delete()
    return made


def _unknown(found: list[Told]) -> list[Told]:
    """Those that nobody has told yet. Who notes one first tells it."""
    new = []
    for some in (found[place : place + AT_ONCE] for place in range(0, len(found), AT_ONCE)):
        known = set(Happening.objects.filter(key__in=[told.key for told in some]).values_list("key", flat=True))
        fresh = list({told.key: told for told in some if told.key not in known}.values())
        Happening.objects.bulk_create([Happening(key=told.key) for told in fresh])
        new += fresh
    return new


_PLACE = ("station__team_id", "station__installation_id")


def _alarms(now: datetime) -> Iterator[Told]:
    rows = SecurityEvent.objects.alerts().filter(received_at__gt=now - RECENT).order_by("-pk")
    columns = ("pk", "type", "station_id", "station__identity", *_PLACE)
    for pk, type_, station, identity, team, place in rows.values_list(*columns)[:MOST_AT_ONCE]:
        link, facts = _station(station), {"type": type_, "station": identity}
        yield Told(f"alarm-{pk}", Kind.ALARM, link, facts, (station, team, place))


def _faults(now: datetime) -> Iterator[Told]:
    """Once an hour for each connector."""
    rows = Connector.objects.filter(status=Connector.Status.FAULTED, reported_at__gt=now - RECENT).order_by("-pk")
    columns = ("pk", "number", "error_code", "reported_at", "station_id", "station__identity", *_PLACE)
    for pk, number, code, at, station, identity, team, place in rows.values_list(*columns)[:MOST_AT_ONCE]:
        facts = {"station": identity, "connector": number, "code": code}
        yield Told(f"fault-{pk}-{at:%Y%m%d%H}", Kind.FAULT, _station(station), facts, (station, team, place))


def _away(now: datetime) -> Iterator[Told]:
    since = Coalesce("disconnected_at", "last_heard_at")
    rows = ChargingStation.objects.with_presence().exclude(presence="online").annotate(since=since)
    rows = rows.filter(since__gt=now - RECENT, since__lte=now - AWAY, handed_over_at=None).order_by("-since")
    columns = ("pk", "identity", "since", "team_id", "installation_id")
    for pk, identity, at, team, place in rows.values_list(*columns)[:MOST_AT_ONCE]:
        facts = {"station": identity, "since": at.isoformat()}
        yield Told(f"away-{pk}-{at:%Y%m%d%H}", Kind.AWAY, _station(pk), facts, (pk, team, place))


def _grants(now: datetime) -> Iterator[Told]:
    rows = Grant.objects.active().filter(created_at__gt=now - RECENT).select_related("installation", "station")
    for grant in rows.defer("station__password").order_by("-pk")[:MOST_AT_ONCE]:
        facts = {"place": str(grant.installation or grant.station), "role": grant.role}
        yield Told(f"grant-{grant.pk}", Kind.GRANT, reverse("portal:dashboard"), facts, None, grant)


def _station(pk: int) -> str:
    return reverse("chargers:station_detail", args=[pk])


def _tell(found: list[Told]) -> int:
    by_person: dict[tuple[int, str], list[Told]] = defaultdict(list)
    for told, people in _with_people(found):
        for person in people:
            by_person[person, told.kind].append(told)
    active = set(User.objects.filter(pk__in={key[0] for key in by_person}, is_active=True).values_list("pk", flat=True))
    silenced = set(NotificationChoice.objects.filter(user__in=active, bell=False).values_list("user_id", "kind"))
    rows = []
    for (person, kind), mine in by_person.items():
        if (person, kind) in silenced:
            continue
        if person in active and len(mine) <= SINGLY:
            rows += [_row(person, told) for told in mine]
        elif person in active:
            many = Told(f"many-{mine[0].key}", kind, reverse("chargers:station_list"), {"count": len(mine)}, None)
            rows.append(_row(person, many))
    Notification.objects.bulk_create(rows, AT_ONCE, ignore_conflicts=True)
    for person in {row.user_id for row in rows}:
        hint(person_group(person), {"type": "notified"})
    return len(rows)


def _row(person: int, told: Told) -> Notification:
    station = told.station[0] if told.station else None
    return Notification(
        user_id=person, kind=told.kind, key=told.key, link=told.link, parameters=told.parameters, station_id=station
    )


def _with_people(found: Iterable[Told]) -> Iterator[tuple[Told, set[int]]]:
    """Whom each concerns: the team's people, and who was granted the station or its installation and may see it."""
    found = list(found)
    grants = [told.grant for told in found if told.grant]
    places = [told.station for told in found if told.station]
    shared = Grant.objects.active().filter(
        Q(station__in={pk for pk, _team, _place in places})
        | Q(installation__in={place for _pk, _team, place in places if place is not None})
    )
    held: dict[tuple[str, int], list[tuple[int | None, int | None]]] = defaultdict(list)
    teams = {team for _pk, team, _place in places} | {grant.to_team_id for grant in grants}
    for role, station, place, user, team in shared.values_list(
        "role", "station_id", "installation_id", "user_id", "to_team_id"
    ):
        if allows(role, Can.SEE_STATIONS):
            held[("station", station) if station else ("place", place)].append((user, team))
            teams.add(team)
    members: dict[int | None, set[int]] = defaultdict(set)
    for team, user in Membership.objects.filter(team__in=teams - {None}).values_list("team_id", "user_id"):
        members[team].add(user)
    for told in found:
        if told.grant is not None:
            yield told, {told.grant.user_id} if told.grant.user_id else members[told.grant.to_team_id]
        elif told.station is not None:
            pk, team, place = told.station
            people = set(members[team])
            for user, other in [*held.get(("station", pk), []), *(held.get(("place", place), []) if place else [])]:
                people |= {user} if user else members[other]
            yield told, people


def mark_read(*, user: User, notifications: Any) -> int:
    """Returns how many were not read yet. Other windows of this person learn it."""
    count: int = notifications.filter(user=user, read_at__isnull=True).update(read_at=timezone.now())
    if count:
        hint(person_group(user.pk), {"type": "notified"})
    return count


KINDS_WITH_MAIL = (Kind.ALARM,)


@transaction.atomic
def choose_notifications(*, user: User, bells: Collection[str], mails: Collection[str]) -> None:
    """Say of which kinds a person wants to hear.

    Args:
        bells: kinds that he wants at the bell.
        mails: those of KINDS_WITH_MAIL of which he wants mails.
    """
    for kind in Kind.values:
        values = {"bell": kind in bells, "mail": kind in mails or kind not in KINDS_WITH_MAIL}
        NotificationChoice.objects.update_or_create(user=user, kind=kind, defaults=values)


def chosen_notifications(user: User) -> dict[str, tuple[bool, bool]]:
    """By kind: whether a person hears of it at the bell, and whether by mail."""
    told = dict.fromkeys(Kind.values, (True, True))
    rows = NotificationChoice.objects.filter(user=user).values_list("kind", "bell", "mail")
    return told | {kind: (bell, mail) for kind, bell, mail in rows if kind in told}
