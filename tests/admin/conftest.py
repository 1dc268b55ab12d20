import pytest


@pytest.fixture
def office(client, staff):
    """A browser of our support staff."""
    client.force_login(staff)
    return client
