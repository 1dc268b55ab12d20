"""Notify users of new events that concern them.

A sweep once a minute reads new events; many events of one kind become one summary notification per user.
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
RECENT = timedelta(hours=24)  # nobody is notified of older events
RETENTION = timedelta(days=90)
MAX_EVENTS = 5000  # per sweep
MAX_INDIVIDUAL = 10  # notifications to one user of one kind in one sweep; more become a summary
BATCH_SIZE = 500

DETAILS: dict[str, tuple[str, ...]] = {  # data of the event that the text of a notification needs
    Kind.ALARM: ("type", "station"),
    Kind.FAULT: ("station", "connector", "code"),
    Kind.AWAY: ("station", "since"),
    Kind.GRANT: ("place", "role"),
}
KINDS_WITH_MAIL = (Kind.ALARM,)


def notify() -> int:
    """Create notifications of new events, delete old ones, and return the number created."""
    now = timezone.now()
    with transaction.atomic():
        rows = Event.objects.to_notify(since=now - RECENT).filter(kind__in=KIND_OF_EVENT).order_by("-pk")
        events = list(rows.select_for_update(of=("self",), skip_locked=True)[:MAX_EVENTS])
        count = _create_notifications(events) if events else 0
        Event.objects.filter(pk__in=[event.pk for event in events]).update(notified_at=now)
    Notification.objects.filter(created_at__lt=now - RETENTION).delete()
    return count


def _create_notifications(events: Sequence[Event]) -> int:
    by_user: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for event, users in _with_recipients(events):
        for user in users:
            by_user[user, KIND_OF_EVENT[Event.Kind(event.kind)]].append(event)
    active = set(
        User.objects.filter(pk__in={user for user, _kind in by_user}, is_active=True).values_list("pk", flat=True)
    )
    silenced = set(NotificationChoice.objects.filter(user__in=active, bell=False).values_list("user_id", "kind"))
    rows: list[Notification] = []
    for (user, kind), user_events in by_user.items():
        if user not in active or (user, kind) in silenced:
            continue
        if len(user_events) <= MAX_INDIVIDUAL:
            rows += [build_notification(user, event) for event in user_events]
        else:
            rows.append(_summary(user, kind, user_events))
    Notification.objects.bulk_create(rows, BATCH_SIZE, ignore_conflicts=True)
    for user in {row.user_id for row in rows}:
        hint(person_group(user), {"type": "notified"})
    return len(rows)


def build_notification(user: int, event: Event) -> Notification:
    """Return an unsaved notification of an event for one user.

    Notifications about granted access have no station, so that the recipient sees them whatever else they may see.
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
    """Yield each event with the ids of the users it concerns.

    These are the members of the station's team and holders of grants to the station or its installation; for granted
    access, its recipients.
    """
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
    """Mark notifications as read, update the user's open pages, and return how many were unread."""
    count: int = notifications.filter(user=user, read_at__isnull=True).update(read_at=timezone.now())
    if count:
        hint(person_group(user.pk), {"type": "notified"})
    return count


@transaction.atomic
def save_notification_choices(*, user: User, bells: Collection[str], mails: Collection[str]) -> None:
    """Save which kinds of notifications a user wants.

    Args:
        bells: kinds to show in the portal.
        mails: kinds of KINDS_WITH_MAIL to send by e-mail.
    """
    for kind in Kind.values:
        values = {"bell": kind in bells, "mail": kind in mails or kind not in KINDS_WITH_MAIL}
        NotificationChoice.objects.update_or_create(user=user, kind=kind, defaults=values)


def notification_choices(user: User) -> dict[str, tuple[bool, bool]]:
    """Return, by kind, whether a user wants it in the portal and whether by e-mail."""
    chosen = dict.fromkeys(Kind.values, (True, True))
    rows = NotificationChoice.objects.filter(user=user).values_list("kind", "bell", "mail")
    return chosen | {kind: (bell, mail) for kind, bell, mail in rows if kind in chosen}
