"""A team's settings, its functions and its domains (P7-P11, V2, D5), and for which team one works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.access.features import FEATURES
from accounts.access.rights import Role
from accounts.models import FormerHandle, Membership, Team, TeamDomain, User
from accounts.people import services as people_services
from accounts.team_settings.services import dns
from accounts.team_settings.services import team as team_services
from accounts.teams.services import add_team, find_team
from cpms.common.errors import DomainError, NotAllowed
from operations.commands.services.asking import request_command
from tests import factories
from tests.name_server import NameServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def names(settings: Any) -> Iterator[NameServer]:
    server = NameServer()
    settings.DNS_RESOLVER = server.address
    yield server
    server.close()


def field_of(call: Any, **facts: Any) -> set[str]:
    with pytest.raises(DomainError) as caught:
        call(**facts)
    return set(caught.value.fields)


def switch_off(team: Team, *keys: str) -> None:
    Team.objects.filter(pk=team.pk).update(features_off=list(keys))
    team.refresh_from_db()


# --- general and billing ------------------------------------------------------------------------------------------


def test_a_former_handle_leads_to_the_team_and_is_nobody_elses(team: Team, other_team: Team) -> None:
    """P7."""
    facts: dict[str, Any] = {"name": "Nordlys", "station_passwords": "revealable"}
    team_services.edit_team(team=team, handle="nord", **facts)
    assert find_team("nordlys") == find_team("nord") == team
    assert field_of(team_services.edit_team, team=other_team, handle="nordlys", **facts) == {"handle"}
    assert field_of(team_services.edit_team, team=other_team, handle="NORD", **facts) == {"handle"}
    assert field_of(add_team, handle="nordlys") == {"handle"}
    team.refresh_from_db()
    team_services.edit_team(team=team, handle="nordlys", **facts)  # and back again
    assert list(FormerHandle.objects.values_list("handle", flat=True)) == ["nord"]
    assert field_of(team_services.edit_team, team=team, handle="a b", **facts) == {"handle"}
    assert field_of(team_services.edit_team, team=team, handle="x", **facts | {"name": " "}) == {"name"}


def test_the_settings_are_saved_on_pages(client: Any, administrator: User, team: Team) -> None:
    client.force_login(administrator)
    body = {"name": "Nordlys 2", "handle": "nordlys-2", "station_passwords": "show_once"}
    assert client.post("/team/", body).status_code == 302
    team.refresh_from_db()
    assert (team.name, team.handle, team.station_passwords) == ("Nordlys 2", "nordlys-2", "show_once")
    bill = {"name": "Nordlys AS", "country": "no", "vat_id": "NO 123 456", "email": "pay@example.org"}
    assert client.post("/team/billing/", bill).status_code == 302
    assert (team.billing.country, team.billing.vat_id) == ("NO", "NO123456")
    for wrong in ({"country": "1"}, {"vat_id": "a/b"}, {"email": "x"}):
        assert client.post("/team/billing/", bill | wrong).status_code == 422


def test_only_an_administrator_changes_settings(team: Team, user_with: Any, stranger: User) -> None:
    for actor in (user_with(Role.OPERATOR), stranger):
        with pytest.raises(NotAllowed):
            team_services.edit_team(team=team, name="x", handle="x", station_passwords="revealable", actor=actor)
        with pytest.raises(NotAllowed):
            team_services.edit_billing(team=team, values={}, actor=actor)
        with pytest.raises(NotAllowed):
            team_services.claim_domain(team=team, purpose="enrolment", domain="x.example", actor=actor)


# --- which team ---------------------------------------------------------------------------------------------------


def test_settings_are_those_of_the_team_one_works_for(client: Any, administrator: User, other_team: Team) -> None:
    factories.MembershipFactory.create(user=administrator, team=other_team, role=Role.VIEWER)
    client.force_login(administrator)
    assert client.get("/team/").context["its_team"].handle == "nordlys"
    answer = client.post("/team/switch/", {"team": other_team.pk, "next": "/stations/"})
    assert answer["Location"] == "/stations/"
    assert other_team.name in client.get("/").content.decode()
    assert client.get("/team/").status_code == 403  # a viewer there


def test_nobody_switches_to_a_team_he_is_not_in(client: Any, administrator: User, other_team: Team) -> None:
    client.force_login(administrator)
    for key in (other_team.pk, "x", "", "9" * 30):
        assert client.post("/team/switch/", {"team": key}).status_code == 404
    session = client.session
    session["team"] = other_team.pk
    session.save()
    assert client.get("/team/").context["its_team"] != other_team


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_after_switching_one_stays_here(client: Any, administrator: User, team: Team, wanted: str) -> None:
    client.force_login(administrator)
    assert client.post("/team/switch/", {"team": team.pk, "next": wanted})["Location"] == "/"


def test_support_staff_chooses_any_team(client: Any, staff: User, team: Team, other_team: Team) -> None:
    client.force_login(staff)
    assert client.get("/team/")["Location"] == "/team/choose/"
    assert other_team.name in client.get("/team/choose/?q=stran").content.decode()
    client.post("/team/switch/", {"team": other_team.pk})
    assert client.get("/team/").context["its_team"] == other_team


# --- functions ----------------------------------------------------------------------------------------------------


def test_only_support_staff_switches_functions(client: Any, staff: User, administrator: User, team: Team) -> None:
    client.force_login(administrator)
    assert client.post("/team/functions/", {"on": ["api"]}).status_code == 403
    assert "REST API" in client.get("/team/functions/", follow=True).content.decode()
    client.force_login(staff)
    client.post("/team/switch/", {"team": team.pk})
    assert client.post("/team/functions/", {"on": ["api", "exports"]}).status_code == 302
    team.refresh_from_db()
    assert team.features_off == ["branding", "commands", "security_events"]
    assert field_of(team_services.set_features, team=team, on=["telepathy"]) == {"on"}


PAGES = {
    "api": ("/account/tokens/", "/api/v1/stations/"),
    "commands": ("/operate/commands/", "/api/v1/commands/"),
    "branding": ("/team/branding/", None),
    "exports": ("/stations/?export=csv", None),
    "security_events": ("/maintenance/security/", "/api/v1/security-events/"),
}


@pytest.mark.parametrize("key", [feature.key for feature in FEATURES])
def test_what_is_switched_off_refuses_and_says_why(
    key: str, client: Any, api: Any, administrator: User, team: Team
) -> None:
    """D5, V2."""
    page, address = PAGES[key]
    client.force_login(administrator)
    ask = api(administrator)
    assert client.get(page).status_code == 200
    assert address is None or ask.get(address).status_code == 200
    switch_off(team, key)
    answer = client.get(page)
    assert answer.status_code == 403 and "switched off for your team" in answer.content.decode()
    if address:
        answer = ask.get(address)
        assert answer.status_code == 403 and "switched off" in answer.json()["detail"]
    where = {"branding": "/team/", "api": "/account/"}.get(key, "/stations/")  # at a tab, in the menu, at the button
    assert "switched off" in client.get(where).content.decode()


def test_a_team_without_commands_sends_none(
    client: Any, administrator: User, other_team: Team, station: Any, staff: User
) -> None:
    factories.MembershipFactory.create(user=administrator, team=other_team, role=Role.ADMIN)  # which has them
    switch_off(station.team, "commands")
    client.force_login(administrator)
    text = client.get(f"/stations/{station.pk}/").content.decode()
    assert "switched off" in text and "Start session" not in text
    assert client.post(f"/operate/stations/{station.pk}/clear_cache/").status_code in (403, 404)
    with pytest.raises(NotAllowed):
        request_command(station=station, kind="clear_cache", actor=administrator)
    assert request_command(station=station, kind="clear_cache", actor=staff)


def test_who_is_in_a_team_that_has_it_may_use_it(
    client: Any, administrator: User, other_team: Team, team: Team
) -> None:
    factories.MembershipFactory.create(user=administrator, team=other_team)
    switch_off(team, "exports")
    client.force_login(administrator)
    assert client.get("/stations/?export=csv").status_code == 200


# --- domains ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", ["gmail.com", "GMX.de.", "localhost", "a", "", "1.2.3.4", "x y.de", "-a.de", "a..b"])
def test_what_is_no_domain_of_a_team(team: Team, domain: str) -> None:
    assert field_of(team_services.claim_domain, team=team, purpose="enrolment", domain=domain) == {"domain"}


def test_a_domain_is_proved_by_its_record(team: Team, names: NameServer) -> None:
    """P10."""
    row = team_services.claim_domain(team=team, purpose="enrolment", domain=" Nördlys.Example. ")
    assert row.domain == "xn--nrdlys-wxa.example"
    for texts in (None, [], ["cpms-verify=other", "v=spf1"]):
        names.records = {} if texts is None else {row.record_name: texts}
        with pytest.raises(DomainError):
            team_services.prove_domain(domain=row)
    names.records = {row.record_name: ["v=spf1", row.record_value]}
    assert team_services.prove_domain(domain=row).proved_at


def test_one_domain_belongs_to_one_team(team: Team, other_team: Team, names: NameServer) -> None:
    rows = [
        team_services.claim_domain(team=one, purpose="enrolment", domain="nordlys.example")
        for one in (team, other_team)
    ]
    names.records = {rows[0].record_name: [row.record_value for row in rows]}
    team_services.prove_domain(domain=rows[1])
    assert field_of(team_services.prove_domain, domain=rows[0]) == {"domain"}
    team_services.remove_domain(domain=rows[1])
    assert team_services.prove_domain(domain=rows[0]).proved_at
    assert field_of(team_services.claim_domain, team=other_team, purpose="enrolment", domain="nordlys.example")
    assert field_of(team_services.claim_domain, team=team, purpose="enrolment", domain="nordlys.example")


@pytest.mark.parametrize("fault", ["silent", "rubbish", "other number", "failed"])
def test_a_name_server_that_fails_proves_nothing(names: NameServer, fault: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(dns, "TIMEOUT_SECONDS", 0.1)
    names.records, names.fault = {"a.example": ["x"]}, fault
    with pytest.raises(dns.DnsError):
        dns.txt_records("a.example")


def test_long_records_and_long_answers(names: NameServer) -> None:
    names.records = {"a.example": ["x" * 600, *(f"{n} " + "y" * 200 for n in range(20))]}
    assert dns.txt_records("A.example")[0] == "x" * 600 and len(dns.txt_records("a.example")) == 21
    assert dns.txt_records("b.example") == []
    assert dns.txt_records("a" * 64 + ".example") == dns.txt_records("ä.example") == []


def test_colleagues_join_by_their_address_once(team: Team) -> None:
    """P10: and who was taken out of the team stays out."""
    factories.TeamDomainFactory.create(team=team, domain="nordlys.example", proved_at=timezone.now())
    factories.TeamDomainFactory.create(domain="other.example")  # not proved
    colleague = factories.UserFactory.create(email="mia@nordlys.example")
    assert people_services.enrol(colleague) == [team]
    assert colleague.memberships.get().role == Role.VIEWER and colleague.access.team_ids == [team.pk]
    assert people_services.enrol(colleague) == []
    Membership.objects.all().delete()
    assert people_services.enrol(colleague) == []
    for email in ("a@sub.nordlys.example", "a@other.example", "a@nordlys.example.evil.example"):
        assert people_services.enrol(factories.UserFactory.create(email=email)) == []
    gone = factories.UserFactory.create(email="x@nordlys.example", is_active=False)
    assert people_services.enrol(gone) == []


def test_a_role_that_somebody_has_stays(team: Team, administrator: User) -> None:
    domain = administrator.email.rpartition("@")[2]
    factories.TeamDomainFactory.create(team=team, domain=domain, proved_at=timezone.now())
    assert people_services.enrol(administrator) == []
    assert administrator.memberships.get().role == Role.ADMIN


def test_a_domain_on_its_page(client: Any, administrator: User, names: NameServer) -> None:
    client.force_login(administrator)
    assert client.post("/team/enrolment/", {"domain": "gmail.com"}).status_code == 422
    assert client.post("/team/enrolment/", {"domain": "nordlys.example"}).status_code == 302
    row = TeamDomain.objects.get()
    assert row.record_value in client.get("/team/enrolment/").content.decode()
    assert "was not found. New records" in client.post(f"/team/domains/{row.pk}/prove/", follow=True).content.decode()
    names.records = {row.record_name: [row.record_value]}
    assert "verified" in client.post(f"/team/domains/{row.pk}/prove/", follow=True).content.decode()
    client.post(f"/team/domains/{row.pk}/drop/")
    assert not TeamDomain.objects.exists()
