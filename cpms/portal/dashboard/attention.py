"""The dashboard's list of issues that need attention, most urgent first, each with a link to its page."""

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

MAX_SHOWN = 3  # issues of each kind; further ones are behind a link
MIN_GROUPED = 3  # offline stations of one installation that are shown as one issue
MAX_READ = 300  # rows read to find repeated issues
RECENT = timedelta(days=7)
DAY = timedelta(days=1)


class Issue(NamedTuple):
    """One line of the list. Repeated issues are one line.

    Attributes:
        kind: the kind of status, which is its colour.
        at: when it happened last.
        since: when it happened first, if it happened more than once.
    """

    kind: str
    label: str
    subject: str
    url: str
    text: str
    note: str
    at: datetime | None
    since: datetime | None = None


def _group_by(rows: Iterable[Any], key: Callable[[Any], Any]) -> list[list[Any]]:
    """Return the rows grouped by key, with the groups in the order of their first rows."""
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def issues(user: User) -> list[Issue]:
    """Return what needs the user's attention, with nine queries, or eleven for support staff."""
    found = [
        *_security_alerts(user),
        *_faulted_connectors(user),
        *_offline_stations(user),
        *_flagged_sessions(user),
        *_refused_stations(user),
        *_weak_passwords(user),
    ]
    if user.is_staff:
        found += [*_failed_inbox(), *_unnamed_proxies()]
    return found


def _security_alerts(user: User) -> list[Issue]:
    """Return stations with critical security events that are not acknowledged."""
    rows = SecurityEvent.objects.visible_to(user).alerts().order_by().values("station__identity")
    alarmed = rows.annotate(count=Count("pk"), type=Max("type"), last=Max("received_at")).order_by("-last")
    url, first = reverse("maintenance:security_list"), list(alarmed[: MAX_SHOWN + 1])
    found = [
        Issue(
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
        for row in first[:MAX_SHOWN]
    ]
    if len(first) > MAX_SHOWN:
        found.append(Issue("bad", _("Security"), _("More stations with alerts"), f"{url}?state=open", "", "", None))
    return found


def _faulted_connectors(user: User) -> list[Issue]:
    rows = with_state(Connector.objects.visible_to(user).filter(status=Connector.Status.FAULTED))
    rows = rows.filter(state=State.FAULTED).select_related("station").defer("station__password")
    newest = rows.order_by("-status_changed_at")[:MAX_READ]
    groups = _group_by(newest, lambda connector: (connector.station_id, connector.error_code))
    found = []
    for group in groups[:MAX_SHOWN]:
        last, first = group[0], group[-1]
        numbers = ", ".join(str(number) for number in sorted(connector.number for connector in group))
        names = ngettext("connector %(number)s", "connectors %(number)s", len(group)) % {"number": numbers}
        found.append(
            Issue(
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
    if len(groups) > MAX_SHOWN:
        url = f"{reverse('chargers:connector_list')}?state={State.FAULTED.value}"
        found.append(Issue("faulted", _("Faulted"), _("More faulted connectors"), url, "", "", None))
    return found


def _offline_stations(user: User) -> list[Issue]:
    """Return stations that are not online but were within the last week."""
    since = timezone.now() - RECENT
    rows = (
        ChargingStation.objects.visible_to(user)
        .with_presence()
        .filter(Q(last_heard_at__gt=since) | Q(disconnected_at__gt=since))
    )
    offline = rows.exclude(presence="online")
    installations = list(
        offline.filter(installation__isnull=False)
        .order_by()
        .values("installation", "installation__name")
        .annotate(count=Count("pk"), since=Min("disconnected_at"), last=Max("disconnected_at"))
        .filter(count__gte=MIN_GROUPED)
        .order_by("-last", "installation")[:MAX_SHOWN]
    )
    found = [_offline_installation(row) for row in installations]
    single = offline.exclude(installation__in=[row["installation"] for row in installations])
    newest = single.defer("password").order_by("-disconnected_at", "-last_heard_at")
    first = list(newest[: MAX_SHOWN + 1])
    found += [
        Issue(
            station.presence,
            _("Offline") if station.presence == "offline" else _("Unknown"),
            station.identity,
            station.get_absolute_url(),
            station.name,
            _("connection was closed") if station.presence == "offline" else _("no contact; status unknown"),
            station.disconnected_at or station.last_heard_at,
        )
        for station in first[:MAX_SHOWN]
    ]
    if len(first) > MAX_SHOWN:
        count = single.order_by().count() - MAX_SHOWN
        more = ngettext("%(n)d more station", "%(n)d more stations", count) % {"n": count}
        url = f"{reverse('chargers:station_list')}?presence=offline&sort=-last_heard_at"
        found.append(Issue("offline", _("Offline"), more, url, _("were online this week"), "", None))
    return found


def _offline_installation(row: dict[str, Any]) -> Issue:
    """Return one issue for many offline stations of an installation: the usual cause is the network there."""
    url = f"{reverse('chargers:station_list')}?{urlencode({'q': row['installation__name']})}"
    count = ngettext("%(n)d station is offline", "%(n)d stations are offline", row["count"]) % {"n": row["count"]}
    name = row["installation__name"]
    return Issue("offline", _("Offline"), name, url, count, "", row["last"], row["since"])


def _flagged_sessions(user: User) -> list[Issue]:
    """Return sessions to review. Those of one unauthorised tag are one issue, as are those of one station with the
    same flags."""
    since = timezone.now() - RECENT
    rows = ChargingSession.objects.visible_to(user).filter(has_flags=True, started_at__gt=since)
    newest = rows.select_related("station").defer("station__password").order_by("-started_at")[:MAX_READ]
    groups = _group_by(newest, _grouping_key)
    found = [_flagged_session(group[0]) if len(group) == 1 else _flagged_group(group) for group in groups[:MAX_SHOWN]]
    if len(groups) > MAX_SHOWN:
        url = f"{reverse('sessions:session_list')}?state=flagged"
        found.append(Issue("warn", _("Review"), _("More sessions to review"), url, "", "", None))
    return found


def _grouping_key(session: ChargingSession) -> tuple[Any, ...]:
    if Flag.UNAUTHORISED in session.flags:
        return ("tag", session.id_tag.upper())
    return (session.station_id, *sorted(session.flags))


def _flagged_session(session: ChargingSession) -> Issue:
    where = _("at %(station)s") % {"station": session.station.identity}
    labels = ", ".join(session.flag_labels)
    return Issue("warn", _("Review"), str(session), session.get_absolute_url(), where, labels, session.started_at)


def _flagged_group(group: list[ChargingSession]) -> Issue:
    last, first = group[0], group[-1]
    count = ngettext("%(n)d session", "%(n)d sessions", len(group)) % {"n": len(group)}
    stations = {session.station.identity for session in group}
    if Flag.UNAUTHORISED in last.flags:
        subject, filters = _("Tag %(value)s") % {"value": last.id_tag}, {"id_tag": last.id_tag}
        note = str(Flag.UNAUTHORISED.label)
        template = _("%(count)s at %(n)d stations") if len(stations) > 1 else _("%(count)s at %(station)s")
        text = template % {"count": count, "station": last.station.identity, "n": len(stations)}
    else:
        subject, filters = last.station.identity, {"station": last.station.identity}
        text, note = count, ", ".join(last.flag_labels)
    url = f"{reverse('sessions:session_list')}?{urlencode({'state': 'flagged', **filters})}"
    return Issue("warn", _("Review"), subject, url, text, note, last.started_at, first.started_at)


def _refused_stations(user: User) -> list[Issue]:
    """Return refused stations, one issue per station and cause."""
    rows = RefusedConnection.objects.filter(last_at__gt=timezone.now() - DAY, station__isnull=False)
    rows = rows.filter(user.access.shown(Can.SEE_MESSAGES, "station__team", "station")).order_by()
    causes = rows.values("station", "cause", "near").annotate(
        times=Sum("count"), since=Min("first_at"), last=Max("last_at"), newest=Max("pk")
    )
    first = list(causes.order_by("-last", "station")[: MAX_SHOWN + 1])
    newest = RefusedConnection.objects.select_related("station").defer("station__password", "station__next_password")
    samples = newest.in_bulk([row["newest"] for row in first[:MAX_SHOWN]])
    found = []
    for row in first[:MAX_SHOWN]:
        refusal = samples[row["newest"]]
        identity = refusal.station.identity
        url = f"{reverse('maintenance:refusal_list')}?{urlencode({'q': identity, 'cause': refusal.cause})}"
        times = ngettext("%(n)d time", "%(n)d times", row["times"]) % {"n": row["times"]}
        since = row["since"] if row["times"] > 1 else None
        found.append(Issue("warn", _("Refused"), identity, url, cause_label(refusal), times, row["last"], since))
    if len(first) > MAX_SHOWN:
        url = reverse("maintenance:refusal_list")
        found.append(Issue("warn", _("Refused"), _("More refused stations"), url, "", "", None))
    return found


def _weak_passwords(user: User) -> list[Issue]:
    """Return the number of stations with a weak password, for users who may set a better one."""
    rows = ChargingStation.objects.visible_to(user).allowed(user, Can.SET_PASSWORDS).filter(has_weak_password=True)
    count = rows.filter(handed_over_at=None).order_by().count()
    if not count:
        return []
    subject = ngettext("%(n)d station", "%(n)d stations", count) % {"n": count}
    url = f"{reverse('chargers:station_list')}?password=weak"
    return [Issue("warn", _("Weak password"), subject, url, _("has fewer than 16 characters"), "", None)]


def _unnamed_proxies() -> list[Issue]:
    """Return addresses that sent an ignored X-Forwarded-For: they may be proxies missing from TRUSTED_PROXIES."""
    rows = UnnamedProxy.objects.filter(last_at__gt=timezone.now() - DAY).order_by("-last_at")
    first = list(rows[: MAX_SHOWN + 1])
    url = reverse("admin:maintenance_unnamedproxy_changelist")
    text, note = _("sends X-Forwarded-For but is not in TRUSTED_PROXIES"), _("see docs/running.md")
    found = [Issue("warn", _("Proxy"), row.address, url, text, note, row.last_at) for row in first[:MAX_SHOWN]]
    if len(first) > MAX_SHOWN:
        found.append(Issue("warn", _("Proxy"), _("More addresses"), url, text, "", None))
    return found


def _failed_inbox() -> list[Issue]:
    """Return the number of messages that could not be processed."""
    failed = InboxEntry.objects.filter(failed_at__isnull=False).order_by("-failed_at")
    newest = failed.first()
    if newest is None:
        return []
    count = failed.order_by()[:1000].count()
    subject = ngettext("%(n)d message", "%(n)d messages", count) % {"n": count}
    url = reverse("admin:maintenance_inboxentry_changelist")
    return [
        Issue(
            "bad",
            _("Inbox"),
            subject,
            url,
            _("could not be processed"),
            _("stored, waiting for a retry"),
            newest.failed_at,
        )
    ]
