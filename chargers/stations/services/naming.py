"""Give a station the local name that its team uses."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import User
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.messaging.news import tell_pages

logger = logging.getLogger(__name__)


@transaction.atomic
def rename_station(*, station: ChargingStation, name: str, actor: User | None = None) -> ChargingStation:
    """Change the local name of a station; its identity stays.

    Raises:
        NotAllowed: the actor may not operate this station.
        DomainError: the name is too long or has a character that cannot be printed.
    """
    if actor is not None and not actor.access.may(Can.NAME, station):
        raise NotAllowed(_("Only operators and administrators of the team can edit its stations."))
    name = name.strip()
    if len(name) > 120 or not name.isprintable():
        sentence = _("A name can have at most 120 printable characters.")
        raise DomainError(sentence, fields={"name": sentence})
    station.name = name
    station.save(update_fields=["name"])
    tell_pages({station.team_id: [station.pk]})
    logger.info("station renamed", extra={"station": station.identity})
    return station
