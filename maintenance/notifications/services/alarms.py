"""E-mail critical security events to the administrators of the team.

There are two steps, so that a crash neither loses an e-mail nor creates it twice: one transaction stores the e-mails
and marks the events, then each e-mail is sent and marked.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access.rights import Role
from accounts.branding.services.branding import sender_for_team, site_address
from accounts.models import Membership, Team, User
from chargers.models import Event
from cpms.common.messaging.mail import MailContent, message_id_of, public_url, send_due, zone_of
from cpms.common.web import formatting
from maintenance.notifications.models import AlarmMail, Notification, NotificationChoice
from maintenance.security_events.labels import event_label
from maintenance.security_events.services import wake_alarms

logger = logging.getLogger(__name__)
BATCH_SIZE = 500
MAX_LISTED = 20  # events listed in an e-mail; further ones are only counted
MAIL_INTERVAL = timedelta(minutes=10)  # between two e-mails to a team; events in between go into the next one


def send_alarms() -> int:
    """Create the e-mails that are due, send all unsent ones, and return the number sent."""
    write_security_mails()
    return send_mails()


@transaction.atomic
def write_security_mails() -> int:
    """Store an e-mail to each administrator about the team's new security events, and return the number of e-mails."""
    recent = AlarmMail.objects.filter(created_at__gt=timezone.now() - MAIL_INTERVAL).values("team_id")
    rows = Event.objects.to_mail().exclude(team__in=recent).select_for_update(of=("self",), skip_locked=True)
    by_team: dict[int | None, list[Event]] = defaultdict(list)
    for event in rows.order_by("pk")[:BATCH_SIZE]:
        by_team[event.team_id].append(event)
    mails = []
    for membership in _administrators(by_team):
        subject, body = _security_text(membership.user, membership.team, by_team[membership.team_id])
        mails.append(AlarmMail(team=membership.team, user=membership.user, subject=subject, body=body))
    AlarmMail.objects.bulk_create(mails)
    keys = [event.pk for events in by_team.values() for event in events]
    Event.objects.filter(pk__in=keys).update(mailed_at=timezone.now())
    for team_id in by_team.keys() - {mail.team_id for mail in mails} - {None}:
        logger.warning(
            "no recipient for an alarm: the team has no administrator who receives alarm e-mails",
            extra={"team": team_id},
        )
    return len(mails)


def _administrators(teams: Iterable[int | None]) -> QuerySet[Membership]:
    found: QuerySet[Membership] = Membership.objects.filter(
        team__in=[team for team in teams if team is not None], role=Role.ADMIN, user__is_active=True
    )
    silenced = NotificationChoice.objects.filter(kind=Notification.Kind.ALARM, mail=False)
    return found.exclude(user__in=silenced.values("user")).select_related("user", "team").order_by("pk")


def _security_text(user: User, team: Team, events: Sequence[Event]) -> tuple[str, str]:
    """Return subject and body in the user's language and time zone.

    The technical information of events is left out, because a station could write anything into it.
    """
    with (
        translation.override(user.language or settings.LANGUAGE_CODE),
        timezone.override(zone_of(user.time_zone)),
        formatting.use_formats(user.date_format, user.number_format),
    ):
        stations = sorted({event.data["station"] for event in events})
        named = {"n": len(events), "station": stations[0], "more": len(stations) - 1}
        subject = (
            ngettext("%(n)d security alert at %(station)s", "%(n)d security alerts at %(station)s", len(events))
            if len(stations) == 1
            else _("%(n)d security alerts at %(station)s and %(more)d more")
        ) % named
        lines = [f"- {_event_line(event)}" for event in events[:MAX_LISTED]]
        if len(events) > MAX_LISTED:
            lines.append(
                ngettext("- and %(n)d more", "- and %(n)d more", len(events) - MAX_LISTED)
                % {"n": len(events) - MAX_LISTED}
            )
        address = public_url(f"{reverse('maintenance:security_list')}?state=open", site_address(team.pk))
        body = "\n".join(
            [
                _("Charging stations of %(team)s reported critical security events:") % {"team": team.name},
                "",
                *lines,
                "",
                _("Please review them, and acknowledge them once they are resolved:"),
                address,
                "",
                _("You receive this e-mail because you are an administrator of %(team)s.") % {"team": team.name},
            ]
        )
    return subject[:200], body


def _event_line(event: Event) -> str:
    at, type_ = parse_datetime(event.data["reported_at"]) or event.at, event.data["type"]
    return f"{formatting.full_time(at)}  {event.data['station']}  {event_label(type_)} ({type_})"


def send_mails() -> int:
    """Send unsent e-mails and return the number sent."""
    return send_due(AlarmMail.objects.select_related("user"), _message)


def _message(mail: AlarmMail) -> EmailMessage | None:
    if not mail.user.is_active:
        return None
    with translation.override(mail.user.language or settings.LANGUAGE_CODE):
        content = MailContent(to=mail.user.email, subject=mail.subject, paragraphs=mail.body.split("\n\n"))
        return content.message(message_id_of("alarm", mail), sender_for_team(mail.team_id))


def retry_mails(mails: QuerySet[AlarmMail]) -> int:
    """Retry unsent e-mails, including those that were given up, and return their number."""
    count = mails.filter(sent_at__isnull=True).update(attempts=0, next_at=timezone.now())
    wake_alarms()
    return count
