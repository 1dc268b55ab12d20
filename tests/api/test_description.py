"""The OpenAPI description and its page."""

import io

import yaml
from django.core.management import call_command

from operations.models import Command


def test_the_description_is_valid_and_complete_without_a_warning():
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    paths = yaml.safe_load(out.getvalue())["paths"]
    assert {
        "/api/v1/stations/{identity}/commands/",
        "/api/v1/sessions/",
        "/api/v1/samples/",
        "/api/v1/messages/",
        "/api/v1/connectors/{id}/",
        "/api/v1/token/",
    } <= paths.keys()
    for operations in paths.values():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_each_kind_of_command_names_its_parameters():
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    schemas = yaml.safe_load(out.getvalue())["components"]["schemas"]
    kinds = {one["title"]: one["properties"] for one in schemas["CommandRequest"]["oneOf"]}
    assert kinds.keys() == set(Command.Kind.values)
    start = kinds["remote_start"]["parameters"]
    assert start["required"] == ["id_tag"] and start["properties"]["connector"]["type"] == "integer"
    assert kinds["reset"]["parameters"]["properties"]["type"]["enum"] == ["Hard", "Soft"]
    assert kinds["clear_cache"]["parameters"]["properties"] == {}
    assert "action" in kinds["raw"]


def test_the_description_is_served(client, db):
    answer = client.get("/api/v1/schema/", headers={"accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.")


def test_its_page_needs_no_inline_script(client, db):
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "<script>" not in text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "https://" not in text.replace("https://www.w3.org", "")
    script = client.get("/api/v1/docs/?script=")
    assert "SwaggerUIBundle" in script.content.decode()
