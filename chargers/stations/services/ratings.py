"""The electrical values of a station's connectors, and the ids of its EVSEs, as entered by people."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import Action, record_entry
from accounts.models import User
from chargers.hardware.models import HardwareModel
from chargers.stations.models import ChargingStation, Connector, Evse
from chargers.stations.services.statuses import MAX_CONNECTORS, ensure_connectors
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.messaging.news import tell_pages
from cpms.common.web import formatting

logger = logging.getLogger(__name__)
RATING_FIELDS = ("standard", "format", "power_type", "max_power_w", "max_current_a", "phases", "phase_rotation")
# eMI3 standard version 1.0 part 2, section 3.1: country, spot operator, "E" and the number; the separators are optional
EVSE_ID = re.compile(r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,30}")


@transaction.atomic
def set_ratings(
    *, station: ChargingStation, connectors: Sequence[Mapping[str, Any]], actor: User | None = None
) -> list[int]:
    """Set what the connectors of a station can deliver, how they are wired, and the ids of their EVSEs.

    Connectors that the station has not reported yet are added. Values that are not given stay as they are.

    Args:
        connectors: `number`, and any of RATING_FIELDS, `evse` (number of the EVSE; default: the connector's own
            number) and `evse_id`.

    Returns:
        the numbers of the connectors that changed.

    Raises:
        NotAllowed: the actor may not change the technical settings of the station.
        DomainError: a value is wrong or an EVSE ID is taken (`fields` names it like `connectors[0].evse_id`).
    """
    if actor is not None and not actor.access.may(Can.CONFIGURE, station):
        raise NotAllowed(_("You may not change the technical settings of this station."))
    _require_numbers(connectors)
    ChargingStation.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=station.pk)
    ensure_connectors([(station.pk, given["number"]) for given in connectors])
    rows = {row.number: row for row in station.connectors.select_related("evse")}
    before = {number: describe_rating(row) for number, row in rows.items()}
    for index, given in enumerate(connectors):
        try:
            _set_rating(station, rows[given["number"]], given)
        except DomainError as error:
            fields = {f"connectors[{index}].{name}": text for name, text in error.fields.items()}
            raise DomainError(str(error), fields=fields) from None
    after = {row.number: describe_rating(row) for row in station.connectors.select_related("evse")}
    changed = [number for number in sorted(after) if after[number] != before[number]]
    if changed:
        changes = {"ratings": ["; ".join(lines[number] for number in changed) for lines in (before, after)]}
        record_entry(station, actor=actor, team_id=station.team_id, changes=changes, action=Action.UPDATE)
        tell_pages({station.team_id: [station.pk]})
        logger.info("connector ratings set", extra={"station": station.identity})
    return changed


@transaction.atomic
def set_hardware_model(*, station: ChargingStation, model: HardwareModel | None, actor: User | None = None) -> None:
    """Set which hardware model of the catalogue a station is.

    Raises:
        NotAllowed: the actor may not change the technical settings of the station.
    """
    if actor is not None and not actor.access.may(Can.CONFIGURE, station):
        raise NotAllowed(_("You may not change the technical settings of this station."))
    station.hardware_model = model
    station.save(update_fields=["hardware_model"])
    tell_pages({station.team_id: [station.pk]})


def describe_rating(connector: Connector) -> str:
    """Return the entered values of a connector in one line, for example "1: Type 2, Socket, 32.0 A, 3 ~, R S T"."""
    values = [
        connector.get_standard_display(),
        connector.get_format_display(),
        connector.get_power_type_display(),
        f"{connector.max_power_w:,} W" if connector.max_power_w is not None else "",
        f"{connector.max_current_a} A" if connector.max_current_a is not None else "",
        f"{connector.phases} ~" if connector.phases is not None else "",
        connector.get_phase_rotation_display(),
        f"EVSE {connector.evse.number} {connector.evse.evse_id}".strip() if connector.evse is not None else "",
    ]
    return f"{connector.number}: {', '.join(str(value) for value in values if value) or '-'}"


def rating_label(connector: Connector) -> str:
    """Return what people need to know of a connector, for example "Type 2, Socket · 22.0 kW · DE*ABC*E1234", or ""."""
    plug = ", ".join(str(text) for text in (connector.get_standard_display(), connector.get_format_display()) if text)
    power = f"{formatting.kw(connector.max_power_w)} kW" if connector.max_power_w else ""
    return " · ".join(text for text in (plug, power, connector.evse.evse_id if connector.evse else "") if text)


def check_evse_id(text: str) -> str:
    """Return an EVSE ID in capital letters.

    Raises:
        DomainError: it does not have the format of the eMI3 standard.
    """
    evse_id = text.strip().upper()
    if not EVSE_ID.fullmatch(evse_id):
        refuse("evse_id", _("An EVSE ID looks like DE*ABC*E1234: country, operator, the letter E and a number."))
    return evse_id


def _require_numbers(connectors: Sequence[Mapping[str, Any]]) -> None:
    numbers = [given["number"] for given in connectors]
    if len(set(numbers)) < len(numbers):
        refuse("connectors", _("A connector is listed twice."))
    if not all(1 <= number <= MAX_CONNECTORS for number in numbers):
        refuse("connectors", _("Connectors are numbered from 1 to %(most)d.") % {"most": MAX_CONNECTORS})


def _set_rating(station: ChargingStation, row: Connector, given: Mapping[str, Any]) -> None:
    for name in RATING_FIELDS:
        if name in given:
            setattr(row, name, given[name])
    if row.max_current_a is not None:
        row.max_current_a = round(Decimal(str(row.max_current_a)), 1)
    try:
        row.clean_fields(exclude=[field.name for field in Connector._meta.fields if field.name not in RATING_FIELDS])
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        raise DomainError(texts[0], fields={name: texts[0]}) from None
    if "evse" in given or "evse_id" in given:
        row.evse = _save_evse(station, row, given)
    row.save(update_fields=[*RATING_FIELDS, "evse"])


def _save_evse(station: ChargingStation, connector: Connector, given: Mapping[str, Any]) -> Evse | None:
    """Return the EVSE of a connector with its id saved, or None if it is the connector itself without an id."""
    current = connector.evse
    number = given.get("evse") or (current.number if current is not None else connector.number)
    evse_id = current.evse_id if current is not None and current.number == number else ""
    if given.get("evse_id") is not None:
        evse_id = check_evse_id(given["evse_id"]) if given["evse_id"].strip() else ""
    if Evse.objects.filter(evse_id=evse_id).exclude(evse_id="").exclude(station=station, number=number).exists():
        refuse("evse_id", _("The EVSE ID %(evse_id)s is taken.") % {"evse_id": evse_id})
    if number == connector.number and not evse_id and current is None:
        return None
    evse, _is_new = Evse.objects.get_or_create(station=station, number=number)
    if given.get("evse_id") is not None and evse.evse_id != evse_id:
        evse.evse_id = evse_id
        evse.save(update_fields=["evse_id"])
    return evse
