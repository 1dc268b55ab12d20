"""Words for tests of stations that deviate: what they say over a real socket, and what ORM and API say afterwards."""

from __future__ import annotations

import itertools
from typing import Any, cast

from rest_framework.test import APIClient

from accounts.access.rights import Role
from accounts.models import User
from chargers.models import ChargingStation
from sessions.models import ChargingSession
from tests import factories
from tests.ocpp_gateway.link import Link, moment, start_payload
from tests.ocpp_gateway.running_system import RunningSystem

REMOVED = object()
_numbers = itertools.count(1)


def changed(payload: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (payload | changes).items() if value is not REMOVED}


def answered(link: Link, action: str, payload: Any) -> dict[str, Any]:
    """Say something that deviates; it must be answered with a result."""
    message_id = f"deviating-{next(_numbers)}"
    answer = link.exchange([2, message_id, action, payload])
    assert answer[:2] == [3, message_id], answer
    return answer[2]


def started(link: Link, **changes: Any) -> int:
    """A session that begins at 1,000 Wh."""
    payload = changed(start_payload(timestamp=moment(60)), changes)
    return int(answered(link, "StartTransaction", payload)["transactionId"])


def stopped(link: Link, transaction: int, **changes: Any) -> dict[str, Any]:
    """It ends at 2,000 Wh, unless something else is said."""
    payload = {"transactionId": transaction, "meterStop": 2000, "timestamp": moment(), "reason": "EVDisconnected"}
    return answered(link, "StopTransaction", changed(payload, changes))


def instant(*values: Any, **changes: Any) -> dict[str, Any]:
    return changed({"timestamp": moment(), "sampledValue": list(values)}, changes)


def rules(station: ChargingStation) -> set[str]:
    """The rules that were broken and read all the same, as the ledger of deviations has them."""
    found = station.deviations.filter(code="")
    return {f"{action} {what}" for action, what in found.values_list("action", "what")}


def one_session(system: RunningSystem, station: ChargingStation) -> ChargingSession:
    """The station's only session, as ORM and API agree on it."""
    system.drained(station)
    session: ChargingSession = station.charging_sessions.get()
    row = api(system).get(f"/api/v1/sessions/{session.pk}/").json()
    assert (row["energy_wh"], row["flags"], row["is_billable"], row["meter_stop_wh"]) == (
        session.energy_wh, session.flags, session.is_billable, session.meter_stop_wh)  # fmt: skip
    return session


def api(system: RunningSystem) -> APIClient:
    user = cast(User, factories.UserFactory())
    factories.MembershipFactory(user=user, team=system.team, role=Role.VIEWER)
    client = APIClient()
    client.force_authenticate(user)
    return client
