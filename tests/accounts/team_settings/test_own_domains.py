"""Domains of teams: proved, answered, looked after (P11)."""

import json
from datetime import timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.access.rights import Role
from accounts.branding.services.branding import hosts, site_address
from accounts.mails.services import mails
from accounts.models import AccountMail, TeamDomain
from accounts.team_settings.services import dns, own_domains
from accounts.team_settings.services import team as services
from cpms.common.database.process_cache import clear_cached
from cpms.common.errors import DomainError, NotAllowed
from tests.accounts.conftest import prove

pytestmark = pytest.mark.django_db
HOST = "charging.nordlys.example"
OWN = {"HTTP_HOST": HOST}
LOGIN = "/account/login/"


def refusal(**more):
    with pytest.raises(DomainError) as caught:
        own_domains.claim_host(**more)
    return caught.value


@pytest.fixture
def claimed(team):
    return own_domains.claim_host(team=team, host=HOST)


@pytest.fixture
def proved(claimed, names):
    """Its record is there, and it leads to us."""
    names.records[claimed.record_name] = [claimed.record_value]
    names.addresses = {"localhost": ["192.0.2.1"], HOST: ["192.0.2.1"]}
    return own_domains.check_host(domain=claimed)


# --- naming and proving -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "a b.example",
        "1.2.3.4",
        "[::1]",
        "a_b.example.org",
        "*.example.org",
        "x.example.org:8000",
        "a..b",
    ],
)
def test_what_is_no_host_name_is_refused(team, host):
    """P11."""
    assert refusal(team=team, host=host).fields.keys() == {"domain"}


def test_our_own_hosts_are_nobodys(team, settings):
    """P11: nor what is below them."""
    settings.PUBLIC_URL = "https://cpms.operator.example"
    settings.ALLOWED_HOSTS = ["portal.operator.example", ".more.example"]
    settings.OWN_DOMAIN_TARGET = "teams.operator.example"
    for host in ("cpms", "evil.cpms", "portal", "Teams"):
        assert "belongs to this site" in str(refusal(team=team, host=f"{host}.operator.example"))
    for host in ("more.example", "deep.more.example"):
        assert "belongs to this site" in str(refusal(team=team, host=host))


def test_a_name_in_letters_of_any_language_becomes_ascii(team):
    """P11."""
    assert own_domains.claim_host(team=team, host=" Lading.Nørdlys.Example. ").domain == "lading.xn--nrdlys-bya.example"


def test_only_an_administrator_of_the_team_names_and_checks_one(team, user_with, stranger, claimed):
    """P11."""
    for actor in (user_with(Role.OPERATOR), stranger):
        with pytest.raises(NotAllowed):
            own_domains.claim_host(team=team, host="x.nordlys.example", actor=actor)
        with pytest.raises(NotAllowed):
            own_domains.check_host(domain=claimed, actor=actor)


def test_a_host_is_answered_once_it_is_proved_and_not_before(client, claimed, names):
    """P11."""
    assert client.get(LOGIN, **OWN).status_code == 400
    for texts in ([], ["cpms-verify=other"]):
        names.records[claimed.record_name] = texts
        with pytest.raises(DomainError):
            own_domains.check_host(domain=claimed)
        assert client.get(LOGIN, **OWN).status_code == 400
    names.records[claimed.record_name] = [claimed.record_value]
    own_domains.check_host(domain=claimed)
    assert client.get(LOGIN, **OWN).status_code == 200
    assert client.get(LOGIN, HTTP_HOST=HOST.upper() + ":8000").status_code == 200
    services.remove_domain(domain=claimed)
    assert client.get(LOGIN, **OWN).status_code == 400


@pytest.mark.parametrize(
    "host", ["unknown.example", "x." + HOST, HOST + ".evil.example", "nordlys.example", "", "a@" + HOST, HOST + "/x"]
)
def test_other_hosts_are_refused(client, team_host, host):
    """P11, S28."""
    assert client.get(LOGIN, HTTP_HOST=host).status_code == 400


def test_one_host_belongs_to_one_team(other_team, proved, names):
    """P11: whoever proved it first, as long as he has it."""
    assert "Another team" in str(refusal(team=other_team, host=HOST))
    services.remove_domain(domain=proved)
    theirs = own_domains.claim_host(team=other_team, host=HOST)
    with pytest.raises(DomainError):
        own_domains.check_host(domain=theirs)  # the record is the other team's
    assert HOST not in hosts()


def test_a_name_with_another_owner_goes_to_him_at_once(client, team, other_team, administrator, proved, names):
    """P11: whose record is there now; the other team is told."""
    names.records.clear()
    theirs = own_domains.claim_host(team=other_team, host=HOST)
    with pytest.raises(DomainError):
        own_domains.check_host(domain=theirs)
    assert hosts()[HOST].team_id == team.pk  # saying so is not enough
    names.records[theirs.record_name] = [theirs.record_value, proved.record_value]
    with pytest.raises(DomainError, match="Another team"):
        own_domains.check_host(domain=theirs)
    names.records[theirs.record_name] = [theirs.record_value]
    own_domains.check_host(domain=theirs)
    assert hosts()[HOST].team_id == other_team.pk
    assert AccountMail.objects.get(kind=AccountMail.Kind.DOMAIN).email == administrator.email


def test_a_domain_for_enrolment_is_no_host(client, team):
    """P10, P11: each purpose is proved by itself."""
    prove(team, HOST, purpose=TeamDomain.Purpose.ENROLMENT)
    assert client.get(LOGIN, **OWN).status_code == 400


def test_a_host_that_became_ours_is_ours_whatever_a_team_has_proved(team_host, settings):
    """P11."""
    settings.ALLOWED_HOSTS = ["testserver", HOST]
    clear_cached()
    assert HOST not in hosts()


def test_it_is_done_on_its_page(client, administrator, names):
    """P11."""
    page = "/team/branding/domain/"
    client.force_login(administrator)
    assert client.post(page, {"domain": "testserver.localhost"}).status_code == 422
    assert client.post(page, {"domain": HOST}).status_code == 302
    row = TeamDomain.objects.get()
    text = client.get(page).content.decode()
    assert row.record_value in text and f"{HOST} CNAME localhost" in text and "not verified yet" in text
    check = f"/team/domains/{row.pk}/prove/"
    assert "was not found. New records" in client.post(check, follow=True).content.decode()
    names.records[row.record_name] = [row.record_value]
    text = client.post(check, follow=True).content.decode()
    assert "is verified" in text and "does not point here" in text
    names.aliases[HOST] = "localhost"
    names.addresses["localhost"] = ["192.0.2.1"]
    assert "in use" in client.post(check, follow=True).content.decode()
    names.records.clear()
    assert "If it stays missing" in client.post(check, follow=True).content.decode()
    assert "no longer answers at" in client.get(f"/team/domains/{row.pk}/drop/").content.decode()
    assert client.post(f"/team/domains/{row.pk}/drop/")["Location"] == page


# --- where a name leads -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "aliases", "leads"),
    [
        ({"a.example": ["192.0.2.1"], "us.example": ["192.0.2.1", "192.0.2.2"]}, {}, True),
        ({"us.example": ["192.0.2.1"]}, {"a.example": "us.example"}, True),
        ({"a.example": ["192.0.2.9"], "us.example": ["192.0.2.1"]}, {}, False),
        ({"us.example": ["192.0.2.1"]}, {}, False),
        ({"other.example": ["192.0.2.9"], "us.example": ["192.0.2.1"]}, {"a.example": "other.example"}, False),
    ],
)
def test_a_name_leads_to_us_by_alias_or_by_address(names, addresses, aliases, leads):
    """P11."""
    names.addresses, names.aliases = addresses, aliases
    assert dns.points_to("a.example", "us.example") is leads


def test_links_are_made_of_a_domain_that_leads_to_us_only(team, proved, names, settings):
    """P11: with the scheme and the port of PUBLIC_URL."""
    assert site_address(team.pk) == f"http://{HOST}:8000"
    settings.PUBLIC_URL = "https://cpms.operator.example"
    assert site_address(team.pk) == f"https://{HOST}"
    names.addresses[HOST] = ["192.0.2.9"]
    own_domains.check_host(domain=proved)
    assert site_address(team.pk) == site_address(None) == settings.PUBLIC_URL


# --- looked after -------------------------------------------------------------------------------------------------


def later(**span):
    return time_machine.travel(timezone.now() + timedelta(**span), tick=False)


def test_a_domain_whose_record_is_gone_is_switched_off_after_a_week_and_admins_are_told(
    client, proved, names, team, administrator, user_with
):
    """P11."""
    user_with(Role.OPERATOR)
    names.records.clear()
    for days in (1, 6):
        with later(days=days):
            assert own_domains.check_hosts() == 1
            assert own_domains.check_hosts() == 0  # twice a day only
        assert client.get(LOGIN, **OWN).status_code == 200
    with later(days=7, minutes=1):
        own_domains.check_hosts()
        mails.send_mails()
    assert client.get(LOGIN, **OWN).status_code == 400
    proved.refresh_from_db()
    assert proved.lost_at and not proved.proved_at
    letter = AccountMail.objects.get(kind=AccountMail.Kind.DOMAIN)
    assert letter.email == administrator.email
    assert HOST in mail.outbox[0].subject and "http://localhost:8000/team/branding/domain/" in mail.outbox[0].body
    names.records[proved.record_name] = [proved.record_value]
    assert own_domains.check_host(domain=proved).lost_at is None
    assert client.get(LOGIN, **OWN).status_code == 200


def test_a_domain_that_is_seen_again_stays(proved, names):
    """P11."""
    texts = names.records.pop(proved.record_name)
    with later(days=6):
        own_domains.check_hosts()
        names.records[proved.record_name] = texts
    with later(days=6, hours=13):
        own_domains.check_hosts()
        names.records.clear()
    with later(days=13):
        own_domains.check_hosts()
    proved.refresh_from_db()
    assert proved.proved_at


def test_a_silent_name_server_is_given_four_times_as_long(proved, names):
    """P11: it may be ours that is ill."""
    names.fault = "failed"
    for days, is_on in ((8, True), (27, True), (29, False)):
        with later(days=days):
            own_domains.check_hosts()
        proved.refresh_from_db()
        assert bool(proved.proved_at) is is_on


# --- requests -----------------------------------------------------------------------------------------------------


def test_forms_work_there_and_from_nowhere_else(team_host, viewer):
    """P11: the same origin is enough, another one is not."""
    strict = Client(enforce_csrf_checks=True)
    strict.get(LOGIN, **OWN)
    facts = {"next": "/", "language": "de", "csrfmiddlewaretoken": strict.cookies["csrftoken"].value}
    assert strict.post("/language/", facts, HTTP_ORIGIN=f"http://{HOST}", **OWN).status_code == 302
    for origin in ("http://evil.example", "http://testserver", f"https://{HOST}"):
        assert strict.post("/language/", facts, HTTP_ORIGIN=origin, **OWN).status_code == 403
    assert strict.post("/language/", facts, HTTP_ORIGIN=f"http://{HOST}").status_code == 403


def test_redirects_stay_on_the_host(client, team_host, viewer):
    """P11, S28: `next` leads to no other host, not even to ours."""
    client.force_login(viewer)
    for wanted, where in ((f"http://{HOST}/stations/", f"http://{HOST}/stations/"), ("http://testserver/x", "/")):
        assert client.post("/language/", {"language": "en", "next": wanted}, **OWN)["Location"] == where


def test_the_back_office_is_on_our_own_host(client, team_host, staff):
    """P11."""
    client.force_login(staff)
    answer = client.get("/admin/accounts/team/?q=x", **OWN)
    assert answer.status_code == 302 and answer["Location"] == "http://localhost:8000/admin/accounts/team/?q=x"


def test_support_staff_works_on_our_own_host_only(client, team_host, staff):
    """P11: the team decides to whom its name leads."""
    client.force_login(staff)
    assert client.get("/stations/", **OWN)["Location"] == "http://localhost:8000/account/login/"
    assert "_auth_user_id" not in client.session


def test_a_members_team_there_is_the_hosts(client, team_host, administrator, other_team, team):
    """P11."""
    from tests import factories

    person = factories.MembershipFactory(team=other_team, role=Role.ADMIN).user
    factories.MembershipFactory(team=team, user=person, role=Role.VIEWER)
    client.force_login(person)
    assert client.get("/", **OWN).context["team"].name == team.name
    client = Client()  # a browser sends the cookies of one host to no other
    client.force_login(person)
    assert client.get("/").context["team"].name == other_team.name


def test_browsers_are_promised_nothing_about_hosts_below_a_teams(client, team_host, settings):
    """P11: the team may have others there that speak no TLS."""
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD = 60, True, True
    fresh = Client()
    assert fresh.get(LOGIN, secure=True, **OWN)["Strict-Transport-Security"] == "max-age=60"
    assert "includeSubDomains" in fresh.get(LOGIN, secure=True)["Strict-Transport-Security"]


def test_a_proxy_asks_before_it_gets_a_certificate(client, team_host, claimed_elsewhere):
    """P11."""
    for host in (HOST, HOST.upper(), "testserver", "localhost"):
        assert client.get("/brand/ask/", {"domain": host}).status_code == 200
    for host in ("", "unknown.example", claimed_elsewhere.domain, "x." + HOST):
        assert client.get("/brand/ask/", {"domain": host}).status_code == 404


@pytest.fixture
def claimed_elsewhere(other_team):
    """Named, and not proved."""
    return own_domains.claim_host(team=other_team, host="claimed.example.org")


@pytest.mark.parametrize(
    ("origin", "host", "is_let_in"),
    [
        (f"http://{HOST}:8000", f"{HOST}:8000", True),
        ("http://localhost:8000", "localhost:8000", True),
        (f"http://{HOST}:8000", "localhost:8000", False),  # a team's page must not speak to our host
        ("http://localhost:8000", "localhost:8001", True),  # PUBLIC_URL, by a proxy that tells another host
        ("https://localhost:8001", "localhost:8001", False),  # another scheme
        ("http://localhost:9999", "localhost:8001", False),  # another port
        ("http://localhost", "localhost:80", True),
        (f"http://{HOST}:9000", f"{HOST}:8000", False),
        (f"https://{HOST}:8000", f"{HOST}:8000", False),
        ("http://localhost:8000", f"{HOST}:8000", False),
        ("http://localhost:99999", "localhost:8000", False),
        ("http://unknown.example", "unknown.example", False),
        (f"http://{HOST}:8000", "unknown.example", False),
        ("http://[", f"{HOST}:8000", False),
        ("", HOST, False),
        ("null", HOST, False),
    ],
)
def test_the_browsers_socket_is_opened_from_the_same_host_only(team_host, origin, host, is_let_in):
    """P11."""
    from cpms.asgi import portal

    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else [])]
    hosts()

    async def ask():
        link = WebsocketCommunicator(portal, "/live/", headers=headers)
        answer, _code = await link.connect(timeout=5)
        told = await link.receive_output(5) if answer else None
        await link.wait()
        return answer, told

    answer, told = async_to_sync(ask)()
    assert answer is is_let_in, json.dumps(str(told))
