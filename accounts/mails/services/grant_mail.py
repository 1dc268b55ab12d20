"""The text of e-mails about access that was granted, changed or revoked."""

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


def grant_mail_content(mail: AccountMail, person: User | None, sender: Sender) -> MailContent | None:
    """Return the content of an e-mail about a grant; None if the user was deactivated meanwhile."""
    grant = mail.grant
    if grant is None or mail.user is None or not mail.user.is_active:
        return None
    forms = formatting.use_formats(mail.user.date_format, mail.user.number_format)
    with timezone.override(zone_of(mail.user.time_zone)), forms:
        subject, paragraphs = _subject_and_paragraphs(grant, mail.about)
    action = (_("Show access"), public_url(reverse("access:grant_list"), sender.site))
    return MailContent(to=mail.user.email, subject=subject, paragraphs=paragraphs, action=action)


def _subject_and_paragraphs(grant: Grant, change: str) -> tuple[str, list[str]]:
    place = grant.station.display_name if grant.station else str(grant.installation)
    values: dict[str, Any] = {"place": place, "team": grant.team.name, "role": grant.get_role_display()}
    if change == GIVEN:
        subject = _("You have access to %(place)s") % values
        first = _("%(team)s granted you the role “%(role)s” for %(place)s.") % values
    elif change == CHANGED:
        subject = _("Your access to %(place)s was changed") % values
        first = _("%(team)s changed your access to %(place)s. Your role is now “%(role)s”.") % values
    else:
        return _("Your access to %(place)s has ended") % values, [
            _("%(team)s revoked your access to %(place)s with the role “%(role)s”.") % values
        ]
    paragraphs = [first]
    if grant.to_team is not None:
        paragraphs.append(_("The access is for your team %(team)s.") % {"team": grant.to_team.name})
    if grant.ends_at is not None:
        paragraphs.append(_("The access ends on %(end)s.") % {"end": formatting.full_time(grant.ends_at)})
    return subject, paragraphs
