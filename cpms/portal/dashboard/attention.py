"""What is wrong now, most urgent first, each with the page where it can be looked into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access.rights import Can
from accounts.models import User
from chargers.models import ChargingStation, Connector
from chargers.stations.services.states import State, with_state
from chargers.vocabulary import error_label
from maintenance.connections.labels import cause_label
from maintenance.models import InboxEntry, RefusedConnection, SecurityEvent, UnnamedProxy
from maintenance.security_events.labels import event_label
from sessions.models import ChargingSession, Flag

SHOWN = 3  # of each kind; the rest is a link
MANY = 3  # stations of one installation that are away: it is one trouble
MAX_READ = 300  # rows that are looked through for repeats
RECENT = timedelta(days=7)
DAY = timedelta(days=1)


class Trouble(NamedTuple):
    """What is wrong, once, however often it happened.

    Attributes:
        kind: its colour.
        at: when it happened, or happened last.
        since: when it happened first, where it did more than once.
    """

    kind: str
    word: str
    subject: str
    url: str
    text: str
    note: str
    at: datetime | None
    since: datetime | None = None


def _repeats(rows: Iterable[Any], key: Callable[[Any], Any]) -> list[list[Any]]:
    """Return the rows in groups of the same key, in the order in which each key comes first."""
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def troubles(user: User) -> list[Trouble]:
    """Nine queries, eleven for support staff."""
    found = [*_alarmed(user), *_faulted(user), *_offline(user), *_flagged(user), *_refused(user), *_weak(user)]
    if user.is_staff:
        found += [*_failed_inbox(), *_unnamed_proxies()]
    return found


def _alarmed(user: User) -> list[Trouble]:
    """Stations with critical security events that nobody has acknowledged."""
    rows = SecurityEvent.objects.visible_to(user).alerts().order_by().values("station__identity")
    alarmed = rows.annotate(count=Count("pk"), type=Max("type"), last=Max("received_at")).order_by("-last")
    url, first = reverse("maintenance:security_list"), list(alarmed[: SHOWN + 1])
    told = [
        Trouble(
            "bad",
            _("Security"),
            row["station__identity"],
            f"{url}?{urlencode({'state': 'open', 'q': row['station__identity']})}",
            event_label(row["type"])
            if row["count"] == 1
            else ngettext("%(n)d critical event", "%(n)d critical events", row["count"]) % {"n": row["count"]},
            _("not acknowledged yet"),
            row["last"],
        )
        for row in first[:SHOWN]
    ]
    if len(first) > SHOWN:
        told.append(Trouble("bad", _("Security"), _("More stations with alerts"), f"{url}?state=open", "", "", None))
    return told


def _faulted(user: User) -> list[Trouble]:
    rows = with_state(Connector.objects.visible_to(user).filter(status=Connector.Status.FAULTED))
    rows = rows.filter(state=State.FAULTED).select_related("station").defer("station__password")
    newest = rows.order_by("-status_changed_at")[:MAX_READ]
    groups = _repeats(newest, lambda connector: (connector.station_id, connector.error_code))
    told = []
    for group in groups[:SHOWN]:
        last, first = group[0], group[-1]
        numbers = ", ".join(str(number) for number in sorted(connector.number for connector in group))
        names = ngettext("connector %(number)s", "connectors %(number)s", len(group)) % {"number": numbers}
        told.append(
            Trouble(
                "faulted",
                _("Faulted"),
                last.station.identity,
                last.station.get_absolute_url(),
                names,
                error_label(last.error_code) or last.info,
                last.status_changed_at,
                first.status_changed_at if len(group) > 1 else None,
            )
        )
    if len(groups) > SHOWN:
        url = f"{reverse('chargers:connector_list')}?state={State.FAULTED.value}"
        told.append(Trouble("faulted", _("Faulted"), _("More faulted connectors"), url, "", "", None))
    return told


def _offline(user: User) -> list[Trouble]:
    """Stations that were online within a week and are not now."""
    since = timezone.now() - RECENT
    rows = (
        ChargingStation.objects.visible_to(user)
        .with_presence()
        .filter(Q(last_heard_at__gt=since) | Q(disconnected_at__gt=since))
    )
    away = rows.exclude(presence="online")
    places = list(
        away.filter(installation__isnull=False)
        .order_by()
        .values("installation", "installation__name")
        .annotate(count=Count("pk"), since=Min("disconnected_at"), last=Max("disconnected_at"))
        .filter(count__gte=MANY)
        .order_by("-last", "installation")[:SHOWN]
    )
    told = [_offline_place(place) for place in places]
    alone = away.exclude(installation__in=[place["installation"] for place in places])
    newest = alone.defer("password").order_by("-disconnected_at", "-last_heard_at")
    first = list(newest[: SHOWN + 1])
    told += [
        Trouble(
            station.presence,
            _("Offline") if station.presence == "offline" else _("Unknown"),
            station.identity,
            station.get_absolute_url(),
            station.name,
            _("connection was closed") if station.presence == "offline" else _("no contact; status unknown"),
            station.disconnected_at or station.last_heard_at,
        )
        for station in first[:SHOWN]
    ]
    if len(first) > SHOWN:
        count = alone.order_by().count() - SHOWN
        more = ngettext("%(n)d more station", "%(n)d more stations", count) % {"n": count}
        url = f"{reverse('chargers:station_list')}?presence=offline&sort=-last_heard_at"
        told.append(Trouble("offline", _("Offline"), more, url, _("were online this week"), "", None))
    return told


def _offline_place(place: dict[str, Any]) -> Trouble:
    """An installation many of whose stations are away: mostly that is one cause, the network there."""
    url = f"{reverse('chargers:station_list')}?{urlencode({'q': place['installation__name']})}"
    count = ngettext("%(n)d station is offline", "%(n)d stations are offline", place["count"]) % {"n": place["count"]}
    name = place["installation__name"]
    return Trouble("offline", _("Offline"), name, url, count, "", place["last"], place["since"])


def _flagged(user: User) -> list[Trouble]:
    """Sessions that need a look: those of a card that is not accepted are one trouble, and so are those of a station
    with the same flags."""
    since = timezone.now() - RECENT
    rows = ChargingSession.objects.visible_to(user).filter(has_flags=True, started_at__gt=since)
    newest = rows.select_related("station").defer("station__password").order_by("-started_at")[:MAX_READ]
    groups = _repeats(newest, _cause_of)
    told = [_flagged_alone(group[0]) if len(group) == 1 else _flagged_often(group) for group in groups[:SHOWN]]
    if len(groups) > SHOWN:
        url = f"{reverse('sessions:session_list')}?state=flagged"
        told.append(Trouble("warn", _("Review"), _("More sessions to review"), url, "", "", None))
    return told


def _cause_of(session: ChargingSession) -> tuple[Any, ...]:
    if Flag.UNAUTHORISED in session.flags:
        return ("tag", session.id_tag.upper())
    return (session.station_id, *sorted(session.flags))


def _flagged_alone(session: ChargingSession) -> Trouble:
    where = _("at %(station)s") % {"station": session.station.identity}
    labels = ", ".join(session.flag_labels)
    return Trouble("warn", _("Review"), str(session), session.get_absolute_url(), where, labels, session.started_at)


def _flagged_often(group: list[ChargingSession]) -> Trouble:
    last, first = group[0], group[-1]
    count = ngettext("%(n)d session", "%(n)d sessions", len(group)) % {"n": len(group)}
    stations = {session.station.identity for session in group}
    if Flag.UNAUTHORISED in last.flags:
        subject, only = _("Tag %(value)s") % {"value": last.id_tag}, {"id_tag": last.id_tag}
        note = str(Flag.UNAUTHORISED.label)
        places = _("%(count)s at %(n)d stations") if len(stations) > 1 else _("%(count)s at %(station)s")
        text = places % {"count": count, "station": last.station.identity, "n": len(stations)}
    else:
        subject, only = last.station.identity, {"station": last.station.identity}
        text, note = count, ", ".join(last.flag_labels)
    url = f"{reverse('sessions:session_list')}?{urlencode({'state': 'flagged', **only})}"
    return Trouble("warn", _("Review"), subject, url, text, note, last.started_at, first.started_at)


def _refused(user: User) -> list[Trouble]:
    """Stations that are refused for the same cause, once each."""
    rows = RefusedConnection.objects.filter(last_at__gt=timezone.now() - DAY, station__isnull=False)
    rows = rows.filter(user.access.shown(Can.SEE_MESSAGES, "station__team", "station")).order_by()
    causes = rows.values("station", "cause", "near").annotate(
        times=Sum("count"), since=Min("first_at"), last=Max("last_at"), newest=Max("pk")
    )
    first = list(causes.order_by("-last", "station")[: SHOWN + 1])
    newest = RefusedConnection.objects.select_related("station").defer("station__password", "station__next_password")
    samples = newest.in_bulk([row["newest"] for row in first[:SHOWN]])
    told = []
    for row in first[:SHOWN]:
        refusal = samples[row["newest"]]
        identity = refusal.station.identity
        url = f"{reverse('maintenance:refusal_list')}?{urlencode({'q': identity, 'cause': refusal.cause})}"
        times = ngettext("%(n)d time", "%(n)d times", row["times"]) % {"n": row["times"]}
        since = row["since"] if row["times"] > 1 else None
        told.append(Trouble("warn", _("Refused"), identity, url, cause_label(refusal), times, row["last"], since))
    if len(first) > SHOWN:
        url = reverse("maintenance:refusal_list")
        told.append(Trouble("warn", _("Refused"), _("More refused stations"), url, "", "", None))
    return told


def _weak(user: User) -> list[Trouble]:
    """Stations whose password can be guessed, for those who may set a better one."""
    rows = ChargingStation.objects.visible_to(user).allowed(user, Can.SET_PASSWORDS).filter(has_weak_password=True)
    count = rows.filter(handed_over_at=None).order_by().count()
    if not count:
        return []
    told = ngettext("%(n)d station", "%(n)d stations", count) % {"n": count}
    url = f"{reverse('chargers:station_list')}?password=weak"
    return [Trouble("warn", _("Weak password"), told, url, _("has fewer than 16 characters"), "", None)]


def _unnamed_proxies() -> list[Trouble]:
    """Whoever sends X-Forwarded-For in vain may be a proxy that somebody forgot to name."""
    rows = UnnamedProxy.objects.filter(last_at__gt=timezone.now() - DAY).order_by("-last_at")
    first = list(rows[: SHOWN + 1])
    url = reverse("admin:maintenance_unnamedproxy_changelist")
    text, note = _("sends X-Forwarded-For but is not in TRUSTED_PROXIES"), _("see docs/running.md")
    told = [Trouble("warn", _("Proxy"), row.address, url, text, note, row.last_at) for row in first[:SHOWN]]
    if len(first) > SHOWN:
        told.append(Trouble("warn", _("Proxy"), _("More addresses"), url, text, "", None))
    return told


def _failed_inbox() -> list[Trouble]:
    failed = InboxEntry.objects.filter(failed_at__isnull=False).order_by("-failed_at")
    newest = failed.first()
    if newest is None:
        return []
    count = failed.order_by()[:1000].count()
    told = ngettext("%(n)d message", "%(n)d messages", count) % {"n": count}
    url = reverse("admin:maintenance_inboxentry_changelist")
    return [
        Trouble(
            "bad", _("Inbox"), told, url, _("could not be processed"), _("stored, waiting for a retry"), newest.failed_at
        )
    ]
