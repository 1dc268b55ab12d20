"""Correct the identity with which a station connects."""

from __future__ import annotations

import logging

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import Action, record_entry
from accounts.models import User
from chargers.stations.models import ChargingStation
from chargers.stations.services.identities import check_identity
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.messaging.news import hint, tell_pages

logger = logging.getLogger(__name__)


@transaction.atomic
def correct_identity(*, station: ChargingStation, identity: str, actor: User | None = None) -> ChargingStation:
    """Change the identity of a station to the one it really connects with. Its history stays with it.

    A link that is open under the old identity is closed as if a newer one had replaced it, and what it still sends is
    not acknowledged.

    Raises:
        NotAllowed: the actor may not set how this station connects.
        DomainError: stations cannot use the identity, another station has it, or the station was handed over.
    """
    if actor is not None and not actor.access.may(Can.SET_PASSWORDS, station):
        raise NotAllowed(_("You cannot edit the identity of this station."))
    check_identity(identity)
    rows = ChargingStation.objects.select_related("node").select_for_update(of=("self",))
    old = rows.defer("password", "next_password").get(pk=station.pk)
    if old.handed_over_at is not None:
        raise DomainError(_("This station was handed over to another team and can no longer connect here."))
    if old.identity == identity:
        return old
    taken = DomainError(
        _("The identity “%(identity)s” is taken.") % {"identity": identity},
        fields={"identity": _("The identity “%(identity)s” is taken.") % {"identity": identity}},
    )
    if ChargingStation.objects.filter(identity=identity).exists():
        raise taken
    try:
        with transaction.atomic():
            ChargingStation.objects.filter(pk=old.pk).update(
                identity=identity,
                epoch=F("epoch") + 1,
                node=None,
                disconnected_at=timezone.now() if old.node_id is not None else old.disconnected_at,
            )
    except IntegrityError:  # another request took it at the same time
        raise taken from None
    changes = {"identity": [old.identity, identity]}
    record_entry(old, actor=actor, team_id=old.team_id, changes=changes, action=Action.UPDATE)
    tell_pages({old.team_id: [old.pk]})
    if old.node is not None:  # closes the link sooner: otherwise its next message notices that it was superseded
        hint(f"node-{old.node.name}", {"type": "superseded", "station": old.pk, "epoch": old.epoch + 1})
    logger.info("station identity corrected", extra={"station": identity, "was": old.identity})
    return ChargingStation.objects.defer("password", "next_password").get(pk=old.pk)
