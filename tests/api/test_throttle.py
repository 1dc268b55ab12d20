"""Throttling affects the programs of one user only, and never fails if the cache is unavailable."""

import pytest
from django.core.cache import cache

from cpms.common.api.base import PersonThrottle


def test_too_many_requests_are_a_problem_with_the_time_to_wait(api, viewer, operator, monkeypatch):
    monkeypatch.setattr(PersonThrottle, "THROTTLE_RATES", {"user": "2/min"})
    client = api(viewer)
    assert [client.get("/api/v1/stations/").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/api/v1/stations/")
    assert refused["Content-Type"] == "application/problem+json"
    assert 0 < int(refused["Retry-After"]) <= 60
    assert api(operator).get("/api/v1/stations/").status_code == 200


@pytest.mark.parametrize("path", ["", "stations/", "schema/", "docs/"])
def test_an_unavailable_cache_stops_nobody(api, viewer, monkeypatch, path):
    def fail(*args, **kwargs):
        raise ConnectionError

    client = api(viewer)
    monkeypatch.setattr(cache, "get", fail)
    monkeypatch.setattr(cache, "set", fail)
    assert client.get(f"/api/v1/{path}").status_code == 200
