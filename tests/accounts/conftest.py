"""What tests of looks and domains need."""

import io

import pytest
from django.utils import timezone
from PIL import Image

from accounts.models import TeamDomain
from cpms.common.database.process_cache import clear_cached
from tests import factories
from tests.name_server import NameServer


@pytest.fixture
def names(settings):
    server = NameServer()
    settings.DNS_RESOLVER = server.address
    yield server
    server.close()


@pytest.fixture
def team_host(team):
    """A domain of the team, proved, that leads to us."""
    return prove(team, "charging.nordlys.example")


def prove(team, host, **facts):

    facts = {"proved_at": timezone.now(), "points_here": True} | facts
    facts = {"purpose": TeamDomain.Purpose.PORTAL} | facts
    row = factories.TeamDomainFactory(team=team, domain=host, **facts)
    clear_cached()
    return row


def image(kind="PNG", size=(200, 80), mode="RGBA", colour=(200, 30, 30, 255), **more):
    out = io.BytesIO()
    Image.new(mode, size, colour if mode != "RGB" else colour[:3]).save(out, kind, **more)
    return out.getvalue()
