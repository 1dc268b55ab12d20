"""A team's own domains for its portal: adding them, proving ownership by DNS, and checking them regularly.

A domain is active while a DNS record proves that it is the team's. Whether it also points to us is checked separately,
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
from accounts.branding.services.branding import clear_branding_cache, is_ours, main_host
from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.people.models import User
from accounts.team_settings.services import team as team_services
from accounts.team_settings.services.branding import require_branding
from accounts.team_settings.services.dns import DnsError, points_to, txt_records
from accounts.teams import services as teams_services
from accounts.teams.models import Team, TeamDomain
from cpms.common.errors import DomainError, refuse
from cpms.common.web import formatting

logger = logging.getLogger(__name__)
CHECK_INTERVAL = timedelta(hours=12)
BATCH_SIZE = 100
SILENCE_FACTOR = 4  # a domain whose name server is silent is kept this many times as long as one whose record is gone
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def claim_host(*, team: Team, host: str, actor: User | None = None) -> TeamDomain:
    """Add a host name for a team's portal. It becomes active once `check_host` has found its DNS record.

    Raises:
        NotAllowed: the actor is not an administrator of the team, or the branding feature is off.
        DomainError: the host name is invalid, one of ours, or proved by another team whose record still exists.
    """
    require_branding(actor, team)
    domain = teams_services.check_domain(host)
    if HOST.fullmatch(domain) is None:
        refuse("domain", _("Enter a valid host name, for example “charging.example.org”."))
    if is_ours(domain) or domain.endswith(f".{main_host()}") or domain == settings.OWN_DOMAIN_TARGET.lower():
        refuse("domain", _("This host name belongs to this site. Use one of your own domain."))
    other = _domain_of_another_team(domain, team)
    return team_services.claim_domain(
        team=team,
        purpose=TeamDomain.Purpose.PORTAL,
        domain=domain,
        actor=actor,
        is_disputed=other is not None and other.record_value not in txt_records(other.record_name),
    )


def _domain_of_another_team(domain: str, team: Team) -> TeamDomain | None:
    rows = TeamDomain.objects.filter(purpose=TeamDomain.Purpose.PORTAL, domain=domain, proved_at__isnull=False)
    return rows.exclude(team=team).select_related("team").first()


def _take_over(domain: TeamDomain) -> None:
    """Switch the domain off for another team whose record is gone, if the record of this team exists."""
    other = _domain_of_another_team(domain.domain, domain.team)
    if other is None:
        return
    texts = txt_records(domain.record_name)
    if domain.record_value in texts and other.record_value not in texts:
        switch_off(other)


def check_host(*, domain: TeamDomain, actor: User | None = None) -> TeamDomain:
    """Check the DNS record of a domain and where it points to. Call it outside of transactions, since DNS is slow.

    Raises:
        NotAllowed: the actor is not an administrator of the team, or the branding feature is off.
        DomainError: the record was not found, the name server is silent, or another team has proved the domain.
    """
    require_branding(actor, domain.team)
    if domain.proved_at is None:
        _take_over(domain)
        domain = team_services.prove_domain(domain=domain, actor=actor)
        _record_success(domain, timezone.now())
    elif not check_host_records(domain):
        raise DomainError(
            _("The record was not found. If it stays missing, the domain is switched off on %(date)s.")
            % {"date": formatting.date_time((domain.seen_at or domain.proved_at) + _grace_period())}
        )
    return domain


def check_host_records(domain: TeamDomain) -> bool:
    """Check the record of a proved domain again, and switch the domain off if it was missing for too long.

    Returns:
        Whether the record was found.
    """
    now = timezone.now()
    missing_for = now - (domain.seen_at or domain.proved_at or now)
    try:
        is_found, factor = domain.record_value in txt_records(domain.record_name), 1
    except DnsError:
        is_found, factor = False, SILENCE_FACTOR
    if is_found:
        _record_success(domain, now)
    elif missing_for > _grace_period() * factor:
        switch_off(domain)
    else:
        TeamDomain.objects.filter(pk=domain.pk).update(checked_at=now)
    return is_found


def _grace_period() -> timedelta:
    return timedelta(days=settings.OWN_DOMAIN_DAYS)


def _record_success(domain: TeamDomain, now: datetime) -> None:
    with suppress(DnsError):  # keep the last result
        domain.points_here = points_to(domain.domain, settings.OWN_DOMAIN_TARGET)
    domain.seen_at = domain.checked_at = now
    domain.lost_at = None
    domain.save(update_fields=["seen_at", "checked_at", "lost_at", "points_here"])


@transaction.atomic
def switch_off(domain: TeamDomain) -> None:
    """Deactivate a domain, and notify the administrators of the team by e-mail."""
    locked = TeamDomain.objects.select_for_update().select_related("team").get(pk=domain.pk)
    if locked.proved_at is None:
        return
    locked.proved_at, locked.points_here = None, False
    locked.lost_at = locked.checked_at = timezone.now()
    locked.save(update_fields=["proved_at", "points_here", "lost_at", "checked_at"])
    admins = User.objects.filter(memberships__team=locked.team, memberships__role=Role.ADMIN, is_active=True)
    for person in admins.order_by("pk"):
        mails.queue_mail(
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
    """Check proved domains that were not checked within CHECK_INTERVAL. Return how many there were."""
    due = TeamDomain.objects.filter(
        Q(checked_at__isnull=True) | Q(checked_at__lt=timezone.now() - CHECK_INTERVAL),
        purpose=TeamDomain.Purpose.PORTAL,
        proved_at__isnull=False,
    )
    rows = list(due.select_related("team").order_by("checked_at", "pk")[:BATCH_SIZE])
    for domain in rows:
        check_host_records(domain)
    return len(rows)
