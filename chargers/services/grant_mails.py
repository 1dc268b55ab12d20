"""What people are told about access that was given to them, changed or withdrawn."""

from __future__ import annotations

from email.utils import make_msgid
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.branding import main_host, sender_of
from accounts.models import Grant, User
from accounts.rights import Role
from chargers.services.grants import CHANGED, GIVEN
from cpms.common import look
from cpms.common.mail import Letter, public_url, zone_of


def mail_about_grant(grant_id: int, what: str) -> int:
    """Tell the person, or the administrators of the team. Returns how many mails there were."""
    rows = Grant.objects.select_related("installation", "station", "user", "to_team", "team", "created_by")
    grant = rows.defer("station__password", "station__next_password").filter(pk=grant_id).first()
    if grant is None:
        return 0
    people, sender = _told(grant), sender_of(grant.team_id)
    for person in people:
        language = person.language or settings.LANGUAGE_CODE
        with translation.override(language), timezone.override(zone_of(person.time_zone)):
            subject, lines = _words(grant, what)
            action = (_("Show access"), public_url(reverse("access:grant_list"), sender.site))
            letter = Letter(to=person.email, subject=subject, paragraphs=lines, action=action)
            letter.message(make_msgid(domain=main_host()), sender).send()
    return len(people)


def _told(grant: Grant) -> list[User]:
    if grant.user is not None:
        return [grant.user] if grant.user.is_active else []
    members = User.objects.filter(memberships__team=grant.to_team, memberships__role=Role.ADMIN, is_active=True)
    return list(members.order_by("pk"))


def _words(grant: Grant, what: str) -> tuple[str, list[str]]:
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
        lines.append(_("It ends by itself at %(end)s.") % {"end": look.full_time(grant.ends_at)})
    return subject, lines
