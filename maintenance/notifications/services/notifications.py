"""The bell: tells people of new events, each person of what concerns them.

A sweep once a minute reads the events that nobody was notified of; many of one kind become one notification.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import Can, allows
from accounts.models import Grant, Membership, User
from chargers.models import Event
from cpms.common.messaging.news import hint, person_group
from maintenance.notifications.models import Notification, NotificationChoice

Kind = Notification.Kind
KIND_OF_EVENT = {
    Event.Kind.SECURITY: Kind.ALARM,
    Event.Kind.FAULT: Kind.FAULT,
    Event.Kind.OFFLINE: Kind.AWAY,
    Event.Kind.ACCESS: Kind.GRANT,
}
RECENT = timedelta(hours=24)  # what is older is no news any more
KEPT_FOR = timedelta(days=90)
MAX_AT_ONCE = 5000
SINGLY = 10  # to one person of one kind in one sweep; more become one
BATCH_SIZE = 500

DETAILS: dict[str, tuple[str, ...]] = {  # of an event that a notification holds: its text is made of them
    Kind.ALARM: ("type", "station"),
    Kind.FAULT: ("station", "connector", "code"),
    Kind.AWAY: ("station", "since"),
    Kind.GRANT: ("place", "role"),
}
KINDS_WITH_MAIL = (Kind.ALARM,)


def notify() -> int:
    """Tell everybody of new events. Returns the number of notifications that were made."""
    now = timezone.now()
    with transaction.atomic():
        rows = Event.objects.to_notify(since=now - RECENT).filter(kind__in=KIND_OF_EVENT).order_by("-pk")
        events = list(rows.select_for_update(of=("self",), skip_locked=True)[:MAX_AT_ONCE])
        made = _notify_of(events) if events else 0
        Event.objects.filter(pk__in=[event.pk for event in events]).update(notified_at=now)
    Notification.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return made


def _notify_of(events: Sequence[Event]) -> int:
    by_user: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for event, users in _with_recipients(events):
        for user in users:
            by_user[user, KIND_OF_EVENT[Event.Kind(event.kind)]].append(event)
    active = set(
        User.objects.filter(pk__in={user for user, _kind in by_user}, is_active=True).values_list("pk", flat=True)
    )
    silenced = set(NotificationChoice.objects.filter(user__in=active, bell=False).values_list("user_id", "kind"))
    rows: list[Notification] = []
    for (user, kind), mine in by_user.items():
        if user not in active or (user, kind) in silenced:
            continue
        if len(mine) <= SINGLY:
            rows += [notification_of(user, event) for event in mine]
        else:
            rows.append(_summary(user, kind, mine))
    Notification.objects.bulk_create(rows, BATCH_SIZE, ignore_conflicts=True)
    for user in {row.user_id for row in rows}:
        hint(person_group(user), {"type": "notified"})
    return len(rows)


def notification_of(user: int, event: Event) -> Notification:
    """Return the notification of an event for one person, not saved.

    Access that was given belongs to no station: its holder sees it whatever else they may see.
    """
    kind, is_access = KIND_OF_EVENT[Event.Kind(event.kind)], event.kind == Event.Kind.ACCESS
    return Notification(
        user_id=user,
        kind=kind,
        key=f"event-{event.pk}",
        event=event,
        link=reverse("portal:dashboard") if is_access else reverse("chargers:station_detail", args=[event.station_id]),
        parameters={name: event.data[name] for name in DETAILS[kind]},
        station_id=None if is_access else event.station_id,
    )


def _summary(user: int, kind: str, events: Sequence[Event]) -> Notification:
    return Notification(
        user_id=user,
        kind=kind,
        key=f"many-{events[0].pk}",
        link=reverse("chargers:station_list"),
        parameters={"count": len(events)},
    )


def _with_recipients(events: Sequence[Event]) -> Iterator[tuple[Event, set[int]]]:
    """Whom each concerns: the team's members, and holders of grants that let them see the station; of access that was
    given, its recipient."""
    at_stations = [event for event in events if event.station_id is not None]
    shared = Grant.objects.active().filter(
        Q(station__in={event.station_id for event in at_stations})
        | Q(installation__in={event.installation_id for event in at_stations} - {None})
    )
    holders: dict[tuple[str, int | None], list[tuple[int | None, int | None]]] = defaultdict(list)
    teams = {event.team_id for event in at_stations} | {event.data.get("to_team") for event in events}
    for role, station, installation, user, team in shared.values_list(
        "role", "station_id", "installation_id", "user_id", "to_team_id"
    ):
        if allows(role, Can.SEE_STATIONS):
            holders["station" if station else "installation", station or installation].append((user, team))
            teams.add(team)
    members: dict[int | None, set[int]] = defaultdict(set)
    for team, user in Membership.objects.filter(team__in=teams - {None}).values_list("team_id", "user_id"):
        members[team].add(user)
    for event in events:
        if event.kind == Event.Kind.ACCESS:
            yield event, {event.data["user"]} if event.data["user"] else members[event.data["to_team"]]
            continue
        users = set(members[event.team_id])
        at_installation = holders.get(("installation", event.installation_id), []) if event.installation_id else []
        for user, team in [*holders.get(("station", event.station_id), []), *at_installation]:
            users |= {user} if user else members[team]
        yield event, users


def mark_read(*, user: User, notifications: Any) -> int:
    """Mark as read, also in the person's other windows. Returns how many were not read yet."""
    count: int = notifications.filter(user=user, read_at__isnull=True).update(read_at=timezone.now())
    if count:
        hint(person_group(user.pk), {"type": "notified"})
    return count


@transaction.atomic
def choose_notifications(*, user: User, bells: Collection[str], mails: Collection[str]) -> None:
    """Save which kinds of notifications a person wants.

    Args:
        bells: kinds that they want at the bell.
        mails: those of KINDS_WITH_MAIL of which they want mails.
    """
    for kind in Kind.values:
        values = {"bell": kind in bells, "mail": kind in mails or kind not in KINDS_WITH_MAIL}
        NotificationChoice.objects.update_or_create(user=user, kind=kind, defaults=values)


def chosen_notifications(user: User) -> dict[str, tuple[bool, bool]]:
    """Return by kind whether a person wants it at the bell, and whether by mail."""
    chosen = dict.fromkeys(Kind.values, (True, True))
    rows = NotificationChoice.objects.filter(user=user).values_list("kind", "bell", "mail")
    return chosen | {kind: (bell, mail) for kind, bell, mail in rows if kind in chosen}
