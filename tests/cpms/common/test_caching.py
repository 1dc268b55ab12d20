"""Responses must not be cached unless their view allows it."""

import pytest
from django.urls import reverse

from tests.test_routes import FOUND, address, keys_of, line_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", [name for name in FOUND if line_of(name) and "GET" in (line_of(name) or {})])
def test_private_responses_are_not_cached(name, world):
    path = address(name, keys_of(world.rows))
    for who in ("nobody", "administrator", "staff"):
        answer = world.browser_of(who).get(path)
        response = answer.get("Cache-Control", "")
        if name.startswith("brand:") and "public" in response:
            continue
        assert "no-store" in response, f"{path} as {who}: {response}"
        if name.startswith("api:"):
            assert "Authorization" in answer["Vary"]


def test_static_files_and_brands_say_otherwise(client, db):
    assert "max-age" in client.get("/static/css/app.css")["Cache-Control"]


def test_errors_are_not_cached_either(client, api):
    for answer in (client.get("/nothing/"), api().get("/api/v1/stations/")):
        assert answer["Cache-Control"] == "private, no-store"
    assert "Authorization" in api().get("/api/v1/stations/")["Vary"]


def test_what_a_view_says_stays(client, db):
    header = client.get(reverse("accounts:captcha_challenge"))["Cache-Control"]
    assert "no-store" in header and "private" in header
