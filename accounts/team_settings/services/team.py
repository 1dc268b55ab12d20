"""Services that change a team's settings: name, billing details, features, sign-in rules and domains."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Mapping

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.features import FEATURES_BY_KEY
from accounts.access.services import require_team_admin
from accounts.people.models import User
from accounts.sign_in.models import FACTOR_TYPES
from accounts.team_settings.services.dns import txt_records
from accounts.teams.models import BRANDINGS, HOSTS, BillingDetails, FormerHandle, StationPasswords, Team, TeamDomain
from accounts.teams.services import check_domain
from cpms.common.database.process_cache import clear_cached_after_change
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.text.lines import check_lines
from cpms.common.web.countries import is_country

logger = logging.getLogger(__name__)


BILLING_FIELDS = ("name", "street", "postal_code", "city", "country", "vat_id", "email")
MAX_DOMAINS = 20
FREE_MAIL_DOMAINS = frozenset(
    # anyone can get an address there
    """
    126.com 163.com aol.com arcor.de bluewin.ch fastmail.com freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net
    googlemail.com hey.com hotmail.com hotmail.de hotmail.fr icloud.com laposte.net libero.it live.com live.de mac.com
    mail.com mail.de mail.ru mailbox.org me.com msn.com online.no orange.fr outlook.com outlook.de pm.me posteo.de
    proton.me protonmail.com qq.com rocketmail.com seznam.cz t-online.de tuta.com tutanota.com web.de wp.pl yahoo.co.uk
    yahoo.com yahoo.de yahoo.fr yandex.com yandex.ru ymail.com zoho.com
    """.split()  # noqa: SIM905
)


@transaction.atomic
def edit_team(*, team: Team, name: str, handle: str, station_passwords: str, actor: User | None = None) -> Team:
    """Change a team's name, handle and storage of station passwords. Old handles keep leading to the team.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: a value is invalid, or the handle is or was another team's (`fields` names which).
    """
    require_team_admin(actor, team)
    name = name.strip()
    if not 1 <= len(name) <= 120 or not name.isprintable():
        refuse("name", _("A name has 1 to 120 printable characters."))
    if station_passwords not in StationPasswords.values:
        refuse("station_passwords", _("Select a valid option."))
    team = Team.objects.select_for_update().get(pk=team.pk)
    if handle != team.handle:
        _take_handle(team, handle)
    team.name, team.station_passwords = name, station_passwords
    try:
        with transaction.atomic():
            team.save(update_fields=["name", "handle", "station_passwords"])
    except IntegrityError:
        refuse("handle", _("This handle is taken."))
    logger.info("team changed", extra={"team": team.handle})
    return team


@transaction.atomic
def set_two_factor_requirement(*, team: Team, is_demanded: bool, actor: User | None = None) -> Team:
    """Require two-factor authentication of all members, or stop requiring it.

    Members without it can open nothing but its setup.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: the actor has not set it up themselves.
    """
    require_team_admin(actor, team)
    has_own = actor is None or Authenticator.objects.filter(user=actor, type__in=FACTOR_TYPES).exists()
    if is_demanded and not (has_own or team.requires_two_factor):
        refuse(
            "is_demanded",
            _("Set up two-factor authentication for yourself first, so that you do not lock yourself out."),
        )
    team = Team.objects.select_for_update().get(pk=team.pk)
    team.requires_two_factor = is_demanded
    team.save(update_fields=["requires_two_factor"])
    logger.info("two-factor requirement changed", extra={"team": team.handle, "is_demanded": is_demanded})
    return team


def _take_handle(team: Team, handle: str) -> None:
    try:
        validate_slug(handle)
    except ValidationError:
        refuse("handle", _("A handle has letters, digits, hyphens and underscores only."))
    if len(handle) > 60:
        refuse("handle", _("A handle has at most 60 characters."))
    is_taken = Team.objects.filter(handle__iexact=handle).exclude(pk=team.pk).exists()
    was_taken = FormerHandle.objects.filter(handle__iexact=handle).exclude(team=team).exists()
    if is_taken or was_taken:
        refuse("handle", _("This handle is taken."))
    FormerHandle.objects.filter(team=team, handle=handle).delete()  # the team takes its old handle back
    FormerHandle.objects.get_or_create(handle=team.handle, defaults={"team": team})
    team.handle = handle


@transaction.atomic
def edit_billing(*, team: Team, values: Mapping[str, str], actor: User | None = None) -> BillingDetails:
    """Change a team's invoicing details; `values` has the BILLING_FIELDS, missing ones stay unchanged.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: a value is invalid (`fields` names which).
    """
    require_team_admin(actor, team)
    details, _is_new = BillingDetails.objects.select_for_update().get_or_create(team=team)
    for name in BILLING_FIELDS:
        setattr(details, name, values.get(name, getattr(details, name)).strip())
    check_lines(**{name: getattr(details, name) for name in BILLING_FIELDS})
    details.country, details.vat_id = details.country.upper(), details.vat_id.upper().replace(" ", "")
    if not is_country(details.country):
        refuse("country", _("Enter a two-letter country code, for example DE."))
    if details.vat_id and not (details.vat_id.isascii() and details.vat_id.isalnum()):
        refuse("vat_id", _("A VAT number contains only letters and digits."))
    try:
        details.clean_fields()
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        refuse(name, texts[0])
    details.save()
    logger.info("billing details changed", extra={"team": team.handle})
    return details


@transaction.atomic
def set_features(*, team: Team, on: Collection[str], actor: User | None = None) -> Team:
    """Choose which features a team has. The operator of the platform decides this, not the team.

    Raises:
        NotAllowed: the actor is not support staff.
        DomainError: there is no such feature.
    """
    if actor is not None and not (actor.is_active and actor.is_staff):
        raise NotAllowed(_("Only support staff can switch features on and off."))
    if unknown := set(on) - FEATURES_BY_KEY.keys():
        refuse("on", _("There is no feature “%(key)s”.") % {"key": min(unknown)})
    team = Team.objects.select_for_update().get(pk=team.pk)
    team.features_off = sorted(FEATURES_BY_KEY.keys() - set(on))
    team.save(update_fields=["features_off"])
    clear_cached_after_change(BRANDINGS, HOSTS)  # both depend on the branding feature
    logger.info("features switched", extra={"team": team.handle, "off": team.features_off})
    return team


# --- domains ------------------------------------------------------------------------------------------------------


@transaction.atomic
def claim_domain(
    *, team: Team, purpose: str, domain: str, actor: User | None = None, is_disputed: bool = False
) -> TeamDomain:
    """Add a domain to a team. It becomes active once `prove_domain` has found its DNS record.

    Args:
        is_disputed: another team proved the domain but its record is gone, so this team may claim it.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: the domain is invalid, belongs to a mail provider, or is proved by another team.
    """
    require_team_admin(actor, team)
    domain = check_domain(domain)
    if purpose == TeamDomain.Purpose.ENROLMENT and domain in FREE_MAIL_DOMAINS:
        refuse("domain", _("Anyone can get an e-mail address at %(domain)s.") % {"domain": domain})
    if team.domains.filter(purpose=purpose, domain=domain).exists():
        refuse("domain", _("Your team has already added this domain."))
    if team.domains.count() >= MAX_DOMAINS:
        refuse("domain", _("A team can have at most %(most)d domains.") % {"most": MAX_DOMAINS})
    if not is_disputed:
        _require_unproved(purpose, domain, team)
    row = TeamDomain.objects.create(team=team, purpose=purpose, domain=domain, token=secrets.token_hex(16))
    logger.info("domain added", extra={"team": team.handle, "domain": domain, "purpose": purpose})
    return row


def prove_domain(*, domain: TeamDomain, actor: User | None = None) -> TeamDomain:
    """Check the DNS record of a domain. Call it outside of transactions, since DNS is slow.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: the record was not found, the name server is silent, or another team has proved the domain.
    """
    require_team_admin(actor, domain.team)
    if domain.proved_at is not None:
        return domain
    if domain.record_value not in txt_records(domain.record_name):
        sentence = _("The record was not found. New records can take a few hours to become visible.")
        raise DomainError(sentence)
    with transaction.atomic():
        domain = TeamDomain.objects.select_for_update().get(pk=domain.pk)
        _require_unproved(domain.purpose, domain.domain, domain.team)
        domain.proved_at = timezone.now()
        try:
            with transaction.atomic():
                domain.save(update_fields=["proved_at"])
        except IntegrityError:
            refuse("domain", _("Another team has verified this domain."))
    logger.info("domain proved", extra={"team": domain.team.handle, "domain": domain.domain})
    return domain


@transaction.atomic
def remove_domain(*, domain: TeamDomain, actor: User | None = None) -> None:
    """Remove a domain. Members who joined through it stay.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
    """
    require_team_admin(actor, domain.team)
    logger.info("domain removed", extra={"team": domain.team.handle, "domain": domain.domain})
    domain.delete()


def _require_unproved(purpose: str, domain: str, team: Team) -> None:
    proved = TeamDomain.objects.filter(purpose=purpose, domain=domain, proved_at__isnull=False)
    if proved.exclude(team=team).exists():
        refuse("domain", _("Another team has verified this domain."))
