"""The gateway obeys a changed tag at the next Authorize, within a second (B18), and lists what it refused (B2)."""

import time

import pytest

from chargers.models import RefusedTag, Tag
from tests.ocpp_gateway.link import Link

pytestmark = pytest.mark.processes


def status(link: Link) -> str:
    began = time.monotonic()
    answer = link.call("Authorize", idTag="GOODTAG")["idTagInfo"]["status"]
    assert time.monotonic() - began < 1
    return str(answer)


def test_a_changed_scope_or_window_counts_at_the_next_authorize(system, station):
    tag = Tag.objects.get(value="GOODTAG", team=station.team)
    with system.link(station) as link:
        assert status(link) == "Accepted"
        Tag.objects.filter(pk=tag.pk).update(scope="selected")
        assert status(link) == "Invalid"
        assert RefusedTag.objects.get(value="GOODTAG").reason == "place"
        tag.stations.add(station)
        assert status(link) == "Accepted"
        tag.stations.remove(station)
        assert status(link) == "Invalid"
        Tag.objects.filter(pk=tag.pk).update(scope="all")
        assert status(link) == "Accepted"
        every_day = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "00:00"}]
        Tag.objects.filter(pk=tag.pk).update(time_windows=every_day)
        assert status(link) == "Accepted"
