"""Refuse commands that the station cannot carry out when they are requested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from chargers.models import ChargingStation
from cpms.common.errors import refuse
from operations.commands.codecs import codec_for
from operations.commands.models import Command

WHOLE_STATION = 0  # connector number 0 means the whole station
ONE_CONNECTOR_ONLY = {Command.Kind.REMOTE_START, Command.Kind.UNLOCK, Command.Kind.TRIGGER_MESSAGE}


def require_known_connector(*, station: ChargingStation, kind: str, parameters: Mapping[str, Any]) -> None:
    """Check that the connector of a command exists. If no connectors are known yet, any number passes.

    Raises:
        DomainError: the station has no such connector, or the command needs a single connector; `fields` names the
            parameter.
    """
    payload = parameters.get("payload") if kind == Command.Kind.RAW else None
    field, number = "connector", parameters.get("connector")
    if isinstance(payload, Mapping):
        codec = codec_for(station.protocol)
        field, number = "payload", codec.connector_in(str(parameters.get("action", "")), dict(payload))
    if number is None:
        return
    if number == WHOLE_STATION:
        if kind in ONE_CONNECTOR_ONLY:
            refuse(field, _("This command is for one connector. Connectors are numbered from 1."))
        return
    known = sorted(station.connectors.values_list("number", flat=True))
    if known and number not in known:
        names = {"number": number, "known": ", ".join(map(str, known))}
        refuse(field, _("The station has no connector %(number)s. Its connectors: %(known)s.") % names)
