"""Add and edit installations."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts.access.rights import Can, GrantRole, allows
from accounts.models import Grant, Team, User
from chargers.events.services import record_access
from chargers.installations.models import Installation
from chargers.installations.services.checks import clean, fuse
from cpms.common.errors import NotAllowed, refuse
from cpms.common.web.countries import is_country

logger = logging.getLogger(__name__)
ADDRESS_FIELDS = (
    "name", "category", "parking", "street", "postal_code", "city", "country", "latitude", "longitude", "time_zone",
    "contact_name", "contact_phone", "hotline", "emergency_contact", "opening_hours", "access_notes",
)  # fmt: skip
SUPPLY_FIELDS = ("grid_type", "phases", "voltage_v", "main_breaker_a")  # technical: owners may not edit them
INSTALLATION_FIELDS = (*ADDRESS_FIELDS, *SUPPLY_FIELDS)
MULTILINE_FIELDS = ("access_notes",)


@transaction.atomic
def add_installation(*, team: Team, fields: Mapping[str, Any], actor: User | None = None) -> Installation:
    """Add an installation to a team.

    A user with the service role on another installation of the team gets it on the new one, until the same time.

    Args:
        fields: values by the names in INSTALLATION_FIELDS.

    Raises:
        NotAllowed: the actor may not add installations to this team.
        DomainError: a value is wrong (`fields` names which), or the team has an installation of this name.
    """
    if actor is None or actor.access.may(Can.ADD_PLACES, team):
        return _save_installation(Installation(team=team), fields)
    held = _service_in(team, actor)
    if held is None:
        raise NotAllowed(_("Only administrators and service partners of the team can add installations."))
    installation = _save_installation(Installation(team=team), fields)
    recipient = {"user": held.user, "to_team": held.to_team, "ends_at": held.ends_at}
    record_access(
        Grant.objects.create(
            team=team, installation=installation, role=held.role, created_by=held.created_by, **recipient
        )
    )
    return installation


def _service_in(team: Team, actor: User) -> Grant | None:
    """Return the grant by which the actor may add installations to the team; of several, the one that lasts longest."""
    places = Installation.objects.filter(team=team, pk__in=actor.access.scope(Can.ADD_PLACES).installations)
    teams = [pk for pk, role in actor.access.roles.items() if allows(role, Can.ADD_PLACES)]
    grants = Grant.objects.active().filter(Q(user=actor) | Q(to_team__in=teams), role=GrantRole.SERVICE)
    return grants.filter(installation__in=places).order_by(F("ends_at").desc(nulls_first=True), "pk").first()


@transaction.atomic
def edit_installation(
    *, installation: Installation, fields: Mapping[str, Any], actor: User | None = None
) -> Installation:
    """Edit an installation; see `add_installation`.

    Raises:
        NotAllowed: the actor may not edit a field whose value would change: owners of the installation edit the
            address and the contacts, service partners the supply.
        DomainError: a value is wrong (`fields` names which), or the team has an installation of this name.
    """
    row = Installation.objects.select_for_update().get(pk=installation.pk)
    if actor is not None:
        _require_rights(row, fields, actor)
    return _save_installation(row, fields)


def editable_fields(installation: Installation, actor: User) -> set[str]:
    """Return the fields of the installation that the actor may edit."""
    fields: set[str] = set()
    if actor.access.may(Can.MANAGE_PLACES, installation):
        fields.update(ADDRESS_FIELDS)
    if actor.access.may(Can.CONFIGURE_PLACES, installation):
        fields.update(SUPPLY_FIELDS)
    return fields


def _require_rights(row: Installation, fields: Mapping[str, Any], actor: User) -> None:
    editable = editable_fields(row, actor)
    if not editable:
        raise NotAllowed(_("Only administrators of the team, owners and service partners can edit this installation."))
    locked = [name for name in INSTALLATION_FIELDS if name in fields and name not in editable]
    if all(_plain(fields[name]) == _plain(getattr(row, name)) for name in locked):
        return
    if "name" in editable:
        raise NotAllowed(_("Only administrators and service partners of the team can edit the electrical supply."))
    raise NotAllowed(_("Only administrators of the team and owners can edit the name, address and contacts."))


def _plain(value: Any) -> Any:
    """Return a value as it is stored, for comparison."""
    return value.strip() if isinstance(value, str) else value


def _save_installation(installation: Installation, fields: Mapping[str, Any]) -> Installation:
    for name in INSTALLATION_FIELDS:
        if name in fields:
            setattr(installation, name, _plain(fields[name]))
    installation.country = installation.country.upper()
    if not is_country(installation.country):
        refuse("country", _("Unknown country code. Use two letters, for example DE."))
    if installation.main_breaker_a is not None:
        installation.main_breaker_a = fuse("main_breaker_a", installation.main_breaker_a)
    _check_position(installation)
    clean(installation, exclude=["team"], multiline=MULTILINE_FIELDS)
    same = Installation.objects.filter(team=installation.team, name__iexact=installation.name)
    if same.exclude(pk=installation.pk).exists():
        refuse("name", _("The team already has an installation with this name."))
    try:
        with transaction.atomic():
            installation.save()
    except IntegrityError:
        refuse("name", _("The team already has an installation with this name."))
    logger.info("installation saved", extra={"installation": installation.pk, "team": installation.team_id})
    return installation


def _check_position(installation: Installation) -> None:
    """Round the position to 0.1 m, and require both of its values."""
    for name in ("latitude", "longitude"):
        value = getattr(installation, name)
        if value is not None:
            setattr(installation, name, round(Decimal(str(value)), 6))
    if (installation.latitude is None) is not (installation.longitude is None):
        missing = "latitude" if installation.latitude is None else "longitude"
        refuse(missing, _("A position needs latitude and longitude."))
