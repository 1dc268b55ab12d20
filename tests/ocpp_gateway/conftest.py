"""Fixtures of a running system (running_system.py). Its rows are committed, so each test uses its own stations."""

import pytest

from tests.ocpp_gateway.running_system import RunningSystem, own_database, running_system, stop_running_system


@pytest.fixture(scope="module")
def inside(request, django_db_blocker):
    request.config.add_cleanup(stop_running_system)
    with django_db_blocker.unblock():
        system = running_system()
        with own_database(system.database):
            yield system


@pytest.fixture
def system(inside) -> RunningSystem:
    inside.tag  # noqa: B018 - makes it, whichever test comes first
    return inside


@pytest.fixture
def station(system):
    return system.station()


@pytest.fixture
def link(system, station):
    """The station's open link to the first gateway."""
    with system.link(station) as link:
        yield link
