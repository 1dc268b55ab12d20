"""A personal token with scopes: it allows what they include, by any route, and nothing else (S29)."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import SCOPE_RIGHTS, ApiScope, Can, Role
from accounts.models import ApiToken, AuditEntry, User
from accounts.programs.authentication import TokenAuthentication
from accounts.programs.services.tokens import issue_api_token
from chargers.models import StationGroup
from cpms.common.errors import DomainError
from tests import factories
from tests.factories import PASSWORD
from tests.routes import BODIES, FOUND, address, rows  # noqa: F401

TOKENS = reverse("accounts:api_tokens")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FOR_ALL = {"api:api-root", "api:schema", "api:docs", "api:token-list"}
READS = {
    "stations:read": {"station", "installation", "connector", "tag", "group"},
    "sessions:read": {"session", "refused-tag", "sample", "gap", "own-sessions", "own-tags", "own-places"},
    "messages:read": {
        "command",
        "message",
        "deviation",
        "station-deviations",
        "security-event",
        "refused-connection",
        "notification",
    },
}


@pytest.mark.parametrize("who", ["administrator", "staff"])
@pytest.mark.parametrize("scope", READS)
def test_by_no_route_more_than_its_scope(api, rows, request, who, scope):  # noqa: F811
    """S29: not even for support staff, who have every right themselves."""
    client = api(request.getfixturevalue(who), scope)
    opened = set()
    for name in (name for name in FOUND if name.startswith("api:")):
        for method in METHODS:
            body = json.dumps(BODIES.get((name, method), {}))
            status = client.generic(method, address(name, rows), body, "application/json").status_code
            assert status < 500
            if status < 300:
                opened.add((method, name))
    assert {method for method, _name in opened} == {"GET"}
    of_rows = {name for _method, name in opened if name not in FOR_ALL}
    assert {name.removeprefix("api:").removesuffix("-list").removesuffix("-detail") for name in of_rows} == READS[scope]


@pytest.mark.parametrize("path", ["stations/", "sessions/", "messages/", "grants/", "tags/"])
def test_a_missing_scope_is_named(api, administrator, path):
    holder = {"stations/": "stations:read", "tags/": "stations:read", "sessions/": "sessions:read"}
    scope = holder.get(path, "messages:read" if path == "messages/" else "access")
    others = [one for one in ApiScope.values if not SCOPE_RIGHTS[scope] <= SCOPE_RIGHTS[one]]
    refused = api(administrator, *others).get(f"/api/v1/{path}") if others else None
    assert refused is not None and refused.status_code == 403
    assert f"“{scope}”" in refused.json()["detail"]
    assert api(administrator, scope).get(f"/api/v1/{path}").status_code == 200


def test_a_scope_gives_no_more_than_the_person_has(api, viewer, station):
    path = f"/api/v1/stations/{station.identity}/commands/"
    assert api(viewer, "operate").post(path, {"kind": "clear_cache"}, format="json").status_code == 403


def test_a_command_needs_the_scope(api, operator, station):
    path, wanted = f"/api/v1/stations/{station.identity}/commands/", {"kind": "clear_cache"}
    refused = api(operator, "stations:read", "messages:read").post(path, wanted, format="json")
    assert refused.status_code == 403 and "“operate”" in refused.json()["detail"]
    assert api(operator, "operate").post(path, wanted, format="json").status_code == 201


def test_access_is_given_up_to_the_scopes_only(api, administrator, station):
    body = {"station": station.identity, "email": factories.UserFactory().email, "role": "service"}
    assert api(administrator, "access").post("/api/v1/grants/", body, format="json").status_code == 400
    whole = api(administrator, *ApiScope.values).post("/api/v1/grants/", body, format="json")
    assert whole.status_code == 201


def test_without_scopes_it_may_all_that_the_person_may(api, administrator, station):
    """As tokens did that were created before scopes existed."""
    token, _key = issue_api_token(user=administrator, name="old")
    assert token.scopes == []
    body = {"station": station.identity, "email": factories.UserFactory().email, "role": "service"}
    assert api(administrator).post("/api/v1/grants/", body, format="json").status_code == 201


@pytest.mark.parametrize("who", ["administrator", "staff"])
def test_no_scope_makes_it_an_administrator(request, team, who):
    token, key = issue_api_token(user=request.getfixturevalue(who), name="t", scopes=ApiScope.values)
    asked = type("Request", (), {"headers": {"Authorization": f"Bearer {key}"}})()
    person, found = TokenAuthentication().authenticate(asked)
    assert found == token
    assert not person.access.may(Can.MANAGE_TEAM, team) and not person.access.has_role(team.pk, Role.ADMIN)
    assert User.objects.get(pk=person.pk).access.has_role(team.pk, Role.ADMIN), "the user stays an administrator"


def test_who_may_only_read_does_not_change_what_is_the_persons_own(api, viewer, station):
    group = factories.StationGroupFactory(user=viewer, name="mine")
    path = f"/api/v1/groups/{group.pk}/"
    assert api(viewer, "stations:read").get(path).status_code == 200
    refused = api(viewer, "stations:read").delete(path)
    assert refused.status_code == 403 and "“operate”" in refused.json()["detail"]
    assert StationGroup.objects.filter(pk=group.pk).exists()
    assert api(viewer, "operate").delete(path).status_code == 204


def test_a_limited_token_sees_and_revokes_only_itself(api, viewer):
    other, _key = issue_api_token(user=viewer, name="other")
    client = api(viewer, "stations:read")
    (own,) = client.get("/api/v1/tokens/").json()["results"]
    assert (own["name"], own["scopes"]) == ("test", ["stations:read"])
    assert client.delete(f"/api/v1/tokens/{other.prefix}/").status_code == 404
    assert client.delete(f"/api/v1/tokens/{own['prefix']}/").status_code == 204
    assert client.get("/api/v1/stations/").status_code == 401


def test_own_sessions_need_the_scope_too(api, tag, session):
    """Z12: a driver's own."""
    driver = factories.UserFactory()
    tag.user = driver
    tag.save()
    assert api(driver, "stations:read").get("/api/v1/sessions/").status_code == 403
    assert len(api(driver, "sessions:read").get("/api/v1/sessions/").json()["results"]) == 1


def test_the_token_endpoint_limits_and_ends_as_it_is_asked(api, viewer):
    ends = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    body = {"email": viewer.email, "password": PASSWORD, "scopes": ["sessions:read"], "expires_at": ends.isoformat()}
    answer = api().post("/api/v1/token/", body, format="json")
    assert (answer.status_code, answer.json()["scopes"]) == (201, ["sessions:read"])
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['key']}")
    assert client.get("/api/v1/stations/").status_code == 403
    assert client.get("/api/v1/sessions/").status_code == 200
    with time_machine.travel(ends + timedelta(seconds=1)):
        assert client.get("/api/v1/sessions/").status_code == 401
    wrong = api().post("/api/v1/token/", body | {"scopes": ["all"]}, format="json")
    assert wrong.status_code == 400 and wrong.json()["errors"][0]["field"].startswith("scopes")


def test_a_scope_that_is_none_is_refused(viewer):
    with pytest.raises(DomainError) as refused:
        issue_api_token(user=viewer, name="t", scopes=["everything"])
    assert set(refused.value.fields) == {"scopes"}


# --- on the page --------------------------------------------------------------------------------------------------


def test_its_end_and_its_scopes_are_chosen_on_the_page(client, viewer):
    """S29: 90 days by default."""
    client.force_login(viewer)
    page = client.get(TOKENS)
    assert page.context["form"]["ends"].value() == "90"
    for ends, days in (("30", 30), ("90", 90), ("365", 365), ("never", None)):
        client.post(TOKENS, {"name": ends, "ends": ends, "scopes": ["operate", "sessions:read"]})
        token = ApiToken.objects.get(name=ends)
        assert token.scopes == ["sessions:read", "operate"]
        if days is None:
            assert token.expiry_date is None
        else:
            assert abs(token.expiry_date - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)
    entry = AuditEntry.objects.filter(content_type__model="apitoken").first()
    assert "sessions:read" in str(entry.changes["scopes"])
    assert client.post(TOKENS, {"name": "x", "ends": "7"}).status_code == 422
    assert client.post(TOKENS, {"name": "x", "ends": "30", "scopes": ["all"]}).status_code == 422


def test_the_list_says_when_each_ends_or_ended_and_never_its_key(client, viewer):
    client.force_login(viewer)
    _token, key = issue_api_token(
        user=viewer, name="short", expires_at=timezone.now() + timedelta(days=1), scopes=["operate"]
    )
    issue_api_token(user=viewer, name="long")
    page = client.get(TOKENS).content.decode()
    assert key.partition(".")[2] not in page
    for words in ("<code>operate</code>", "Full access", "No end date."):
        assert words in page
    assert "expired" not in page
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        client.force_login(viewer)
        page = client.get(TOKENS).content.decode()
    assert "expired <time" in page and "Expired" in page
