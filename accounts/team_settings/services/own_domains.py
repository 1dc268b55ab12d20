"""A team's own domains for its portal: adding them, proving ownership by DNS, and checking them regularly.

A domain counts while a DNS record says that it is the team's. Whether it also points to us is checked separately,
because e-mails use it in links only if it does.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Role
from accounts.branding.services.looks import clear_branding_cache, is_ours, main_host
from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people.models import User
from accounts.team_settings.services import team as team_services
from accounts.team_settings.services.branding import demand_feature
from accounts.team_settings.services.dns import DnsError, leads_to, txt_records
from accounts.teams import services as teams_services
from accounts.teams.models import Team, TeamDomain
from cpms.common.errors import DomainError, refuse
from cpms.common.web import formatting

logger = logging.getLogger(__name__)
EVERY = timedelta(hours=12)
BATCH_SIZE = 100
PATIENCE = 4  # times as long as for a record that is gone, for a name server that says nothing
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def claim_host(*, team: Team, host: str, actor: User | None = None) -> TeamDomain:
    """Say that the team's portal shall be at a host name. It counts when `check_host` has found its record.

    Raises:
        NotAllowed: the person is no administrator of the team, or the team has no branding.
        DomainError: it is no host name, one of ours, or proved by another team whose record is still there.
    """
    demand_feature(actor, team)
    domain = teams_services.check_domain(host)
    if HOST.fullmatch(domain) is None:
        refuse("domain", _("This is no host name. It looks like “charging.example.org”."))
    if is_ours(domain) or domain.endswith(f".{main_host()}") or domain == settings.OWN_DOMAIN_TARGET.lower():
        refuse("domain", _("This host name is ours. Please take one of a domain of your own."))
    others = _of_others(domain, team)
    return team_services.claim_domain(
        team=team,
        purpose=TeamDomain.Purpose.PORTAL,
        domain=domain,
        actor=actor,
        is_disputed=others is not None and others.record_value not in txt_records(others.record_name),
    )


def _of_others(domain: str, team: Team) -> TeamDomain | None:
    rows = TeamDomain.objects.filter(purpose=TeamDomain.Purpose.PORTAL, domain=domain, proved_at__isnull=False)
    return rows.exclude(team=team).select_related("team").first()


def _take_over(domain: TeamDomain) -> None:
    """A name can have another owner by now: whose record is there has it, and not he whose record was there."""
    others = _of_others(domain.domain, domain.team)
    if others is None:
        return
    texts = txt_records(domain.record_name)
    if domain.record_value in texts and others.record_value not in texts:
        switch_off(others)


def check_host(*, domain: TeamDomain, actor: User | None = None) -> TeamDomain:
    """Look for its record and where it leads, with no transaction open meanwhile.

    Raises:
        NotAllowed: the person is no administrator of the team, or the team has no branding.
        DomainError: the record is not there, the name server is silent, or another team was quicker.
    """
    demand_feature(actor, domain.team)
    if domain.proved_at is None:
        _take_over(domain)
        domain = team_services.prove_domain(domain=domain, actor=actor)
        _seen(domain, timezone.now())
    elif not check_host_records(domain):
        raise DomainError(
            _("The record is not there any more. Without it the domain is switched off on %(date)s.")
            % {"date": formatting.date_time((domain.seen_at or domain.proved_at) + _allowed())}
        )
    return domain


def check_host_records(domain: TeamDomain) -> bool:
    """Look again for the record of a proved domain; where it was missing too long, switch the domain off.

    Returns:
        Whether the record is there.
    """
    now = timezone.now()
    missing_for = now - (domain.seen_at or domain.proved_at or now)
    try:
        is_there, patience = domain.record_value in txt_records(domain.record_name), 1
    except DnsError:
        is_there, patience = False, PATIENCE
    if is_there:
        _seen(domain, now)
    elif missing_for > _allowed() * patience:
        switch_off(domain)
    else:
        TeamDomain.objects.filter(pk=domain.pk).update(checked_at=now)
    return is_there


def _allowed() -> timedelta:
    return timedelta(days=settings.OWN_DOMAIN_DAYS)


def _seen(domain: TeamDomain, now: datetime) -> None:
    with suppress(DnsError):  # then it stays as it was
        domain.points_here = leads_to(domain.domain, settings.OWN_DOMAIN_TARGET)
    domain.seen_at = domain.checked_at = now
    domain.lost_at = None
    domain.save(update_fields=["seen_at", "checked_at", "lost_at", "points_here"])


@transaction.atomic
def switch_off(domain: TeamDomain) -> None:
    """The domain counts no longer, and the administrators of the team are told by mail."""
    locked = TeamDomain.objects.select_for_update().select_related("team").get(pk=domain.pk)
    if locked.proved_at is None:
        return
    locked.proved_at, locked.points_here = None, False
    locked.lost_at = locked.checked_at = timezone.now()
    locked.save(update_fields=["proved_at", "points_here", "lost_at", "checked_at"])
    admins = User.objects.filter(memberships__team=locked.team, memberships__role=Role.ADMIN, is_active=True)
    for person in admins.order_by("pk"):
        mails.write_mail(
            AccountMail.Kind.DOMAIN,
            email=person.email,
            user=person,
            team_id=locked.team_id,
            about=locked.domain,
            language=person.language,
        )
    clear_branding_cache()
    logger.warning("domain switched off", extra={"team": locked.team.handle, "domain": locked.domain})


def check_hosts() -> int:
    """Look after proved domains that were not looked after for half a day. Returns how many there were."""
    due = TeamDomain.objects.filter(
        Q(checked_at__isnull=True) | Q(checked_at__lt=timezone.now() - EVERY),
        purpose=TeamDomain.Purpose.PORTAL,
        proved_at__isnull=False,
    )
    rows = list(due.select_related("team").order_by("checked_at", "pk")[:BATCH_SIZE])
    for domain in rows:
        check_host_records(domain)
    return len(rows)
