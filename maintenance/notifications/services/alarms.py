"""Critical security events: e-mailed to the administrators of the team, and shown until acknowledged.

Two steps, so that a crash neither loses a mail nor writes one twice: one transaction writes the mails and marks the
events, then each mail is sent and marked.
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
from accounts.branding.services.looks import sender_of, site_address
from accounts.models import Membership, Team, User
from chargers.models import Event
from cpms.common.messaging.mail import MailContent, message_id_of, public_url, send_due, zone_of
from cpms.common.web import formatting
from maintenance.notifications.models import AlarmMail, Notification, NotificationChoice
from maintenance.security_events.labels import event_label
from maintenance.security_events.services import wake_alarms

logger = logging.getLogger(__name__)


BATCH_SIZE = 500


NAMED = 20  # of the events a mail is about; the rest is a number


QUIET = timedelta(minutes=10)  # between two mails to a team: what comes meanwhile is in the next one


def send_alarms() -> int:
    """Write the mails that are due and send what is not sent. Returns how many were sent."""
    write_security_mails()
    return send_mails()


@transaction.atomic
def write_security_mails() -> int:
    """A mail to each administrator of a team about its critical security events. Returns how many were written."""
    quiet = AlarmMail.objects.filter(created_at__gt=timezone.now() - QUIET).values("team_id")
    rows = Event.objects.to_mail().exclude(team__in=quiet).select_for_update(of=("self",), skip_locked=True)
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
            "an alarm has nobody to go to: the team has no administrator who wants it", extra={"team": team_id}
        )
    return len(mails)


def _administrators(teams: Iterable[int | None]) -> QuerySet[Membership]:
    found: QuerySet[Membership] = Membership.objects.filter(
        team__in=[team for team in teams if team is not None], role=Role.ADMIN, user__is_active=True
    )
    silenced = NotificationChoice.objects.filter(kind=Notification.Kind.ALARM, mail=False)
    return found.exclude(user__in=silenced.values("user")).select_related("user", "team").order_by("pk")


def _security_text(user: User, team: Team, events: Sequence[Event]) -> tuple[str, str]:
    """Return subject and text in the person's language and time zone, without what the station added: it could be
    anything."""
    with (
        translation.override(user.language or settings.LANGUAGE_CODE),
        timezone.override(zone_of(user.time_zone)),
        formatting.use_formats(user.date_format, user.number_format),
    ):
        stations = sorted({event.data["station"] for event in events})
        named = {"n": len(events), "station": stations[0], "more": len(stations) - 1}
        subject = (
            ngettext("%(n)d security alarm at %(station)s", "%(n)d security alarms at %(station)s", len(events))
            if len(stations) == 1
            else _("%(n)d security alarms at %(station)s and %(more)d more")
        ) % named
        lines = [f"- {_event_line(event)}" for event in events[:NAMED]]
        if len(events) > NAMED:
            lines.append(
                ngettext("- and %(n)d more", "- and %(n)d more", len(events) - NAMED) % {"n": len(events) - NAMED}
            )
        address = public_url(f"{reverse('maintenance:security_list')}?state=open", site_address(team.pk))
        body = "\n".join(
            [
                _("Charging stations of %(team)s reported critical security events:") % {"team": team.name},
                "",
                *lines,
                "",
                _("Please look into them, and acknowledge them when they are dealt with:"),
                address,
                "",
                _("You get this mail because you are an administrator of %(team)s.") % {"team": team.name},
            ]
        )
    return subject[:200], body


def _event_line(event: Event) -> str:
    at, type_ = parse_datetime(event.data["reported_at"]) or event.at, event.data["type"]
    return f"{formatting.full_time(at)}  {event.data['station']}  {event_label(type_)} ({type_})"


def send_mails() -> int:
    """Send what is not sent. Returns how many were sent."""
    return send_due(AlarmMail.objects.select_related("user"), _message)


def _message(mail: AlarmMail) -> EmailMessage | None:
    if not mail.user.is_active:  # left since
        return None
    with translation.override(mail.user.language or settings.LANGUAGE_CODE):
        letter = MailContent(to=mail.user.email, subject=mail.subject, paragraphs=mail.body.split("\n\n"))
        return letter.message(message_id_of("alarm", mail), sender_of(mail.team_id))


def retry_mails(mails: QuerySet[AlarmMail]) -> int:
    """Try mails again that were given up. Returns how many there were."""
    count = mails.filter(sent_at__isnull=True).update(attempts=0, next_at=timezone.now())
    wake_alarms()
    return count
