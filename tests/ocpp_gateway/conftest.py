"""The house of the gateway's tests: see house.py. Its rows are committed, so each test uses stations of its own."""

import pytest

from tests.ocpp_gateway.house import House, end_house, own_database, the_house


@pytest.fixture(scope="module")
def inside(request, django_db_blocker):
    request.config.add_cleanup(end_house)
    with django_db_blocker.unblock():
        house = the_house()
        with own_database(house.database):
            yield house


@pytest.fixture
def house(inside) -> House:
    inside.tag  # noqa: B018 - makes it, whichever test comes first
    return inside


@pytest.fixture
def station(house):
    return house.station()


@pytest.fixture
def link(house, station):
    """The station's open link to the first gateway."""
    with house.link(station) as link:
        yield link
