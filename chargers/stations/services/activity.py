"""Activate and deactivate stations. A deactivated station keeps its history, but no tag is accepted there."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import User
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.messaging.news import tell_pages
from cpms.common.outcomes import Outcome, change_each

logger = logging.getLogger(__name__)


@transaction.atomic
def set_station_active(*, station: ChargingStation, is_active: bool, actor: User | None = None) -> ChargingStation:
    """Activate or deactivate a station.

    A deactivated station may still connect and report, so that nothing it recorded is lost, but tags and remote starts
    are refused. A running session continues.

    Raises:
        NotAllowed: the actor may not change the technical settings of the station.
        DomainError: the station was handed over and can never be used in this team again, or its circuit is
            deactivated.
    """
    if actor is not None and not actor.access.may(Can.CONFIGURE, station):
        raise NotAllowed(_("You may not change the technical settings of this station."))
    rows = ChargingStation.objects.select_for_update(of=("self",), no_key=True).defer("password", "next_password")
    row: ChargingStation = rows.get(pk=station.pk)
    if is_active and row.handed_over_at is not None:
        raise DomainError(_("This station was handed over to another team and cannot be activated here."))
    if is_active and row.circuit is not None and row.circuit.deactivated_at is not None:
        sentence = _("Its circuit “%(name)s” is deactivated. Move the station to another circuit first.")
        raise DomainError(sentence % {"name": row.circuit.name})
    if (row.deactivated_at is None) is is_active:
        return row
    row.deactivated_at = None if is_active else timezone.now()
    row.save(update_fields=["deactivated_at"])
    tell_pages({row.team_id: [row.pk]})
    logger.info("station activated" if is_active else "station deactivated", extra={"station": row.identity})
    return row


def set_stations_active(*, stations: Iterable[ChargingStation], is_active: bool, actor: User | None = None) -> Outcome:
    """Activate or deactivate several stations; see `set_station_active`, which checks the right for each."""
    return change_each(stations, lambda station: set_station_active(station=station, is_active=is_active, actor=actor))
