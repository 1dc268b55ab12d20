"""Every error is a problem document (RFC 9457)."""

import json

import pytest

from chargers.onboarding.api import StationViewSet


def check(answer, status):
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    document = json.loads(answer.content)
    assert document["status"] == status
    assert {"type", "title", "detail", "instance"} <= document.keys()
    assert document["detail"]
    return document


def test_without_a_token_it_is_401_and_says_how(api, db):
    answer = api().get("/api/v1/stations/")
    check(answer, 401)
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_unknown_row_is_404(api, viewer):
    assert check(api(viewer).get("/api/v1/stations/none/"), 404)["instance"] == "/api/v1/stations/none/"


@pytest.mark.parametrize(
    "path", ["nothing", "nothing/", "stations", "stations/a/b/c/", "..%2f", "%00/", "stations/%00/"]
)
def test_an_unknown_address_is_404_too(api, db, path):
    check(api().get(f"/api/v1/{path}"), 404)
    check(api().post(f"/api/v1/{path}", {}, format="json"), 404)


def test_a_method_that_is_not_there_is_405(api, viewer):
    answer = api(viewer).delete("/api/v1/stations/")
    check(answer, 405)
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        b'{"email": NaN}',
        b'{"email": "a\\u0000b"}',
        b'{"email": "\\ud800"}',
        b"\xff\xfe",
        b"",
        b'{"a":' * 80 + b"1" + b"}" * 80,
    ],
)
def test_json_that_cannot_be_read_or_kept_is_400(api, db, body):
    check(api().post("/api/v1/token/", data=body, content_type="application/json"), 400)


def test_another_media_type_is_415(api, db):
    check(api().post("/api/v1/token/", data=b"<a/>", content_type="text/xml"), 415)


def test_a_body_beyond_the_limit_is_413(api, db, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps({"email": "x" * 2000})
    check(api().post("/api/v1/token/", data=body, content_type="application/json"), 413)


def test_wrong_fields_are_named(api, db):
    document = check(api().post("/api/v1/token/", {"email": "nobody"}, format="json"), 400)
    assert {error["field"] for error in document["errors"]} == {"email", "password"}
    assert all(error["message"] for error in document["errors"])


def test_a_list_where_an_object_is_wanted_is_400(api, db):
    check(api().post("/api/v1/token/", [1, 2], format="json"), 400)


def test_the_unexpected_is_500_without_its_cause(api, viewer, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise RuntimeError("secret cause")

    monkeypatch.setattr(StationViewSet, "list", fail)
    answer = api(viewer).get("/api/v1/stations/")
    check(answer, 500)
    assert b"secret" not in answer.content
    assert "secret cause" in caplog.text


def test_in_debug_the_unexpected_is_raised(api, viewer, monkeypatch, settings):
    settings.DEBUG = True

    def fail(*args, **kwargs):
        raise RuntimeError("secret cause")

    monkeypatch.setattr(StationViewSet, "list", fail)
    client = api(viewer)
    client.handler.raise_request_exception = client.raise_request_exception = True
    with pytest.raises(RuntimeError):
        client.get("/api/v1/stations/")
