"""Responses must not be cached unless their view allows it. The walk over all routes checks each of them."""

from django.urls import reverse


def test_static_files_and_brands_say_otherwise(client, db):
    assert "max-age" in client.get("/static/css/app.css")["Cache-Control"]


def test_errors_are_not_cached_either(client, api, db):
    for answer in (client.get("/nothing/"), api().get("/api/v1/stations/")):
        assert answer["Cache-Control"] == "private, no-store"
    assert "Authorization" in api().get("/api/v1/stations/")["Vary"]


def test_what_a_view_says_stays(client, db):
    header = client.get(reverse("accounts:captcha_challenge"))["Cache-Control"]
    assert "no-store" in header and "private" in header
