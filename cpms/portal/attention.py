"""What is wrong now, most urgent first, each with the page where it can be looked into."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.rights import Can
from chargers.models import ChargingStation, Connector
from chargers.states import State, with_state
from cpms.common.words import error_words
from maintenance.models import InboxEntry, RefusedConnection, SecurityEvent, UnnamedProxy
from maintenance.refusal_words import cause_words
from maintenance.words import event_words
from sessions.models import ChargingSession

SHOWN = 3  # of each kind; the rest is a link
RECENT = timedelta(days=7)
DAY = timedelta(days=1)


class Trouble(NamedTuple):
    kind: str  # colour
    word: str
    subject: str
    url: str
    text: str
    note: str
    at: datetime | None


def troubles(user: User) -> list[Trouble]:
    """Seven queries, nine for support staff."""
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
            event_words(row["type"])
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
    first = list(rows.order_by("-status_changed_at")[: SHOWN + 1])
    told = [
        Trouble(
            "faulted",
            _("Faulted"),
            connector.station.identity,
            connector.station.get_absolute_url(),
            _("connector %(number)d") % {"number": connector.number},
            error_words(connector.error_code) or connector.info,
            connector.status_changed_at,
        )
        for connector in first[:SHOWN]
    ]
    if len(first) > SHOWN:
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
    away = rows.exclude(presence="online").defer("password").order_by("-disconnected_at", "-last_heard_at")
    first = list(away[: SHOWN + 1])
    told = [
        Trouble(
            station.presence,
            _("Offline") if station.presence == "offline" else _("Unknown"),
            station.identity,
            station.get_absolute_url(),
            station.name,
            _("connection was closed") if station.presence == "offline" else _("nothing heard; its state is not known"),
            station.disconnected_at or station.last_heard_at,
        )
        for station in first[:SHOWN]
    ]
    if len(first) > SHOWN:
        count = away.order_by().count() - SHOWN
        more = ngettext("%(n)d more station", "%(n)d more stations", count) % {"n": count}
        url = f"{reverse('chargers:station_list')}?presence=offline&sort=-last_heard_at"
        told.append(Trouble("offline", _("Offline"), more, url, _("were online this week"), "", None))
    return told


def _flagged(user: User) -> list[Trouble]:
    since = timezone.now() - RECENT
    rows = ChargingSession.objects.visible_to(user).filter(has_flags=True, started_at__gt=since)
    first = list(rows.select_related("station").defer("station__password").order_by("-started_at")[: SHOWN + 1])
    told = [
        Trouble(
            "warn",
            _("Review"),
            str(session),
            session.get_absolute_url(),
            _("at %(station)s") % {"station": session.station.identity},
            ", ".join(session.flag_labels),
            session.started_at,
        )
        for session in first[:SHOWN]
    ]
    if len(first) > SHOWN:
        url = f"{reverse('sessions:session_list')}?state=flagged"
        told.append(Trouble("warn", _("Review"), _("More sessions that need a look"), url, "", "", None))
    return told


def _refused(user: User) -> list[Trouble]:
    rows = RefusedConnection.objects.filter(last_at__gt=timezone.now() - DAY, station__isnull=False)
    rows = rows.filter(user.shown(Can.SEE_MESSAGES, "station__team", "station"))
    told: list[Trouble] = []
    seen: set[int | None] = set()
    for refusal in rows.select_related("station").defer("station__password").order_by("-last_at")[:20]:
        if refusal.station is None or refusal.station_id in seen or len(seen) == SHOWN:
            continue
        seen.add(refusal.station_id)
        url = f"{reverse('maintenance:refusal_list')}?{urlencode({'q': refusal.station.identity})}"
        times = ngettext("%(n)d time", "%(n)d times", refusal.count) % {"n": refusal.count}
        told.append(
            Trouble("warn", _("Refused"), refusal.station.identity, url, cause_words(refusal), times, refusal.last_at)
        )
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
            "bad", _("Inbox"), told, url, _("could not be applied"), _("stored, waiting for a retry"), newest.failed_at
        )
    ]
