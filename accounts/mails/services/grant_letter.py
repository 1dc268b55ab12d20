"""The text of mails about access that was given, changed or withdrawn."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.models import Grant
from accounts.mails.models import AccountMail
from accounts.people.models import User
from cpms.common.messaging.mail import MailContent, Sender, public_url, zone_of
from cpms.common.web import formatting

GIVEN, CHANGED, WITHDRAWN = "given", "changed", "withdrawn"


def grant_letter(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Return the text of a mail; None where the person has left since."""
    grant = mail.grant
    if grant is None or mail.user is None or not mail.user.is_active:
        return None
    forms = formatting.use_formats(mail.user.date_format, mail.user.number_format)
    with timezone.override(zone_of(mail.user.time_zone)), forms:
        subject, paragraphs = _text(grant, mail.about)
    action = (_("Show access"), public_url(reverse("access:grant_list"), sender.site))
    return MailContent(to=mail.user.email, subject=subject, paragraphs=paragraphs, action=action)


def _text(grant: Grant, what: str) -> tuple[str, list[str]]:
    place = grant.station.display_name if grant.station else str(grant.installation)
    named: dict[str, Any] = {"place": place, "team": grant.team.name, "role": grant.get_role_display()}
    if what == GIVEN:
        subject = _("You have access to %(place)s") % named
        first = _("%(team)s gave you the role “%(role)s” for %(place)s.") % named
    elif what == CHANGED:
        subject = _("Your access to %(place)s was changed") % named
        first = _("%(team)s changed your access to %(place)s. Your role is now “%(role)s”.") % named
    else:
        return _("Your access to %(place)s has ended") % named, [
            _("Your access to %(place)s of %(team)s with the role “%(role)s” was withdrawn.") % named
        ]
    lines = [first]
    if grant.to_team is not None:
        lines.append(_("It is for your team %(team)s.") % {"team": grant.to_team.name})
    if grant.ends_at is not None:
        lines.append(_("It ends by itself at %(end)s.") % {"end": formatting.full_time(grant.ends_at)})
    return subject, lines
