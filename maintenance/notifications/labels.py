"""Texts of notifications."""

from __future__ import annotations

from collections import defaultdict

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access.rights import GrantRole
from chargers.vocabulary import error_label
from cpms.common.web import formatting
from maintenance.notifications.models import Notification
from maintenance.security_events.labels import event_label


def notification_text(notification: Notification) -> str:
    """Return the text of a notification, without a full stop."""
    kind, data = notification.kind, defaultdict(str, notification.parameters)
    if "count" in data:
        count = int(data["count"])
        return {
            Notification.Kind.ALARM: ngettext("%(n)d security alert", "%(n)d security alerts", count),
            Notification.Kind.FAULT: ngettext("%(n)d connector is faulted", "%(n)d connectors are faulted", count),
            Notification.Kind.AWAY: ngettext("%(n)d station is offline", "%(n)d stations are offline", count),
            Notification.Kind.GRANT: ngettext("You were granted access", "You were granted access %(n)d times", count),
        }[Notification.Kind(kind)] % {"n": count}
    if kind == Notification.Kind.ALARM:
        return f"{data['station']}: {event_label(data['type'])}"
    if kind == Notification.Kind.FAULT:
        text = _("%(station)s: connector %(number)s is faulted") % {
            "station": data["station"],
            "number": data["connector"],
        }
        cause = error_label(data["code"])
        return f"{text} ({cause})" if cause else text
    if kind == Notification.Kind.AWAY:
        since = parse_datetime(data["since"])
        time = formatting.short_time(since) if since else ""
        return _("%(station)s is offline since %(time)s") % {"station": data["station"], "time": time}
    role = dict(GrantRole.choices).get(data["role"], data["role"])
    return _("You were granted access to %(place)s (%(role)s)") % {"place": data["place"], "role": role}
