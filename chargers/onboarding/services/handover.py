"""Hand a station over to another team: it continues as a new row there, and the old row keeps its history.

Messages, sessions and commands belong to a station's row. With two rows, neither team can see anything from the time
of the other, whichever list or address is used.
"""

from __future__ import annotations

import itertools
import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import Action, record_entry
from accounts.models import Grant, Team, User
from chargers.credentials.services import NO_NEXT_PASSWORD, password_columns
from chargers.events.services import end_events_of_station, fault_event, record_events
from chargers.grants.services.grants import withdraw_grant
from chargers.stations.models import ChargingStation, Connector
from chargers.stations.services.boot import BOOT_FIELDS
from chargers.stations.services.identities import MAX_IDENTITY_LENGTH
from chargers.stations.services.statuses import CONNECTOR_COLUMNS
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.messaging.news import hint, tell_pages

logger = logging.getLogger(__name__)
SHOWN_SESSIONS = 10
CARRIED_FIELDS = (
    "name",
    "protocol",
    "registration",
    *BOOT_FIELDS,
    "booted_at",
    "boot_count",
    "connection_timeout_seconds",
    "security_profile",
    "clock_offset_ms",
    "clock_measured_at",
    "status",
    "error_code",
    "status_changed_at",
)


@transaction.atomic
def hand_over_station(*, station: ChargingStation, team: Team, actor: User | None = None) -> ChargingStation:
    """Hand a station over to another team, with its identity and password. Its history stays with the old team.

    The old row keeps its primary key, is renamed, and can never connect or be used again. An open link belongs to the
    old row and is closed, and the station reconnects as the new one. What it sends over the old link in the meantime is
    not acknowledged, so that the station sends it again.

    Returns:
        the station of the new team.

    Raises:
        NotAllowed: the actor does not administer both teams, or is an application.
        DomainError: the station is in the pool, was handed over already or belongs to that team (`fields` names the
            team), a session is running, or it is not certain that the station can sign in with its password.
    """
    # no_key: rows that refer to the station may be written meanwhile, see `ocpp_gateway/link/direct.py`
    rows = ChargingStation.objects.select_related("team", "node").select_for_update(of=("self",), no_key=True)
    old = rows.get(pk=station.pk)
    if actor is not None and not (may_hand_over(actor, old) and actor.access.may(Can.ADD_STATIONS, team)):
        raise NotAllowed(handover_refusal())
    if obstacle := handover_obstacle(old):
        raise DomainError(obstacle)
    if old.team_id == team.pk:
        sentence = _("The station already belongs to this team.")
        raise DomainError(sentence, fields={"team": sentence})
    connectors = list(Connector.objects.select_for_update(of=("self",)).filter(station=old).order_by("number"))
    for grant in Grant.objects.filter(station=old, withdrawn_at__isnull=True).order_by("pk"):
        withdraw_grant(grant=grant)
    former = _retire(old, timezone.now())
    end_events_of_station(station_id=old.pk, at=timezone.now())
    new = _create_successor(old, team, connectors)
    _record_handover(old, former, new, actor)
    tell_pages({old.team_id: [old.pk], team.pk: [new.pk]})
    if old.node is not None:  # closes the link sooner: otherwise its next message notices that it was superseded
        hint(f"node-{old.node.name}", {"type": "superseded", "station": old.pk, "epoch": old.epoch + 1})
    logger.info("station handed over", extra={"station": new.identity, "was": former, "team": team.handle})
    return new


def may_hand_over(actor: User, station: ChargingStation) -> bool:
    """Return whether the user is support staff or administers the station's team and another one.

    Applications never may, since they act for one team.
    """
    if actor.is_program:
        return False
    scope = actor.access.scope(Can.ADD_STATIONS)
    return scope.is_everything or (station.team_id in scope.teams and len(scope.teams) > 1)


def can_be_handed_over(station: ChargingStation) -> bool:
    """Return whether the station belongs to a team and is not just the history of a station that was handed over."""
    return station.team_id is not None and station.handed_over_at is None


def handover_obstacle(station: ChargingStation) -> str:
    """Return why the station cannot be handed over now, as a sentence; empty if it can."""
    if station.team_id is None:
        return _("This station has no team yet. Assign it to a team instead.")
    if station.handed_over_at is not None:
        return _("This station has already been handed over.")
    running = station.charging_sessions.filter(stopped_at__isnull=True).order_by("pk")
    if numbers := ", ".join(str(pk) for pk in running.values_list("pk", flat=True)[:SHOWN_SESSIONS]):
        sentence = _("A session is in progress: %(numbers)s. Stop it before you hand over the station.")
        return sentence % {"numbers": numbers}
    if station.is_password_open:
        return _(
            "A new password was sent to the station and is not confirmed yet. Wait until the station has "
            "reconnected, or set its password manually."
        )
    if not station.has_password:
        return _("The station has no password, so it could not sign in for the other team. Set one first.")
    return ""


def handover_refusal() -> str:
    """Return the sentence for users who may not hand over stations."""
    return _("Only administrators of both teams can hand over a station.")


def former_identity(identity: str, pk: int, at: datetime) -> str:
    """Return the unique name that a station gets in the team that it leaves."""
    day = timezone.localdate(at).isoformat()
    marks = itertools.chain(
        [f" (until {day})", f" (until {day}, {pk})"], (f" (until {day}, {pk}-{n})" for n in itertools.count(2))
    )
    for place, mark in enumerate(marks):
        is_cut = len(identity) + len(mark) > MAX_IDENTITY_LENGTH
        found = identity[: MAX_IDENTITY_LENGTH - len(mark)] + mark
        if not (is_cut and place == 0) and not ChargingStation.objects.filter(identity=found).exists():
            return found
    raise AssertionError  # not reached: the marks never end


def _retire(old: ChargingStation, now: datetime) -> str:
    """Turn the row into the history of the station, which can never connect again. Returns its new name."""
    former = former_identity(old.identity, old.pk, now)
    ChargingStation.objects.filter(pk=old.pk).update(
        identity=former,
        handed_over_at=now,
        deactivated_at=old.deactivated_at or now,
        circuit=None,
        password=None,
        password_hash="",
        has_weak_password=None,
        **NO_NEXT_PASSWORD,
        epoch=F("epoch") + 1,  # so that nothing the old link still sends is stored
        node=None,
        disconnected_at=now if old.node_id is not None else old.disconnected_at,
    )
    return former


def _create_successor(old: ChargingStation, team: Team, connectors: list[Connector]) -> ChargingStation:
    """Create the station's row in the new team.

    If that team stores hashes only, an encrypted password becomes a hash; a hash stays a hash.
    """
    password: dict[str, Any] = {"password_hash": old.password_hash, "has_weak_password": old.has_weak_password}
    if old.password is not None:
        password = password_columns(bytes(old.password), team)
    fields = {name: getattr(old, name) for name in CARRIED_FIELDS}
    (new,) = ChargingStation.objects.bulk_create(
        [ChargingStation(team=team, identity=old.identity, predecessor=old, **fields, **password)]
    )
    Connector.objects.bulk_create(
        Connector(station=new, number=each.number, **{name: getattr(each, name) for name in CONNECTOR_COLUMNS})
        for each in connectors
    )
    record_events(
        [
            fault_event(
                each.pk, station_id=new.pk, number=each.number, error_code=each.error_code, at=each.status_changed_at
            )
            for each in new.connectors.filter(status=Connector.Status.FAULTED, status_changed_at__isnull=False)
        ]
    )
    return new


def _record_handover(old: ChargingStation, former: str, new: ChargingStation, actor: User | None) -> None:
    """Record the handover in the audit logs of both teams.

    Each log names the other team only if the actor belongs to both: otherwise the members may not know it.
    """
    assert old.team is not None and new.team is not None  # noqa: S101 - checked before
    is_known = actor is not None and {old.team_id, new.team_id} <= actor.access.roles.keys()
    before, after = old.team.name, new.team.name
    old_changes = {"team": [before, after if is_known else ""], "identity": [old.identity, former]}
    record_entry(old, actor=actor, team_id=old.team_id, changes=old_changes, action=Action.UPDATE)
    new_changes = {"team": [before if is_known else "", after]}
    record_entry(new, actor=actor, team_id=new.team_id, changes=new_changes, action=Action.CREATE)
