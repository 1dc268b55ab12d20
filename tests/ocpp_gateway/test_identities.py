"""A corrected identity at real sockets."""

import pytest

from chargers.onboarding.services.naming import correct_identity
from tests.ocpp_gateway.link import Link
from tests.ocpp_gateway.running_system import PASSWORD

pytestmark = pytest.mark.processes


def test_the_open_link_is_closed_and_the_station_comes_back_under_its_right_identity(system, station):
    """What it charged before and after is one station's."""
    with system.link(station) as link:
        number = link.start()
        old = link.identity
        new = correct_identity(station=station, identity=f"{old}-RIGHT")
        link.send([2, "late", "Heartbeat", {}])  # not acknowledged any more
        assert link.close_code() == 3000
    assert Link(system.gateway.url, old, password=PASSWORD).refusal() == 404
    with system.link(new) as link:
        link.stop(number)
    session = new.charging_sessions.get()
    assert session.stopped_at is not None and new.identity == f"{old}-RIGHT"
