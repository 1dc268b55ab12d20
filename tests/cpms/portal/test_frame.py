"""The frame of every page: team, menu and account."""

import re

import pytest
from django.urls import reverse

from accounts.access.rights import Role
from tests import factories


def frame_of(client) -> str:
    text = client.get(reverse("portal:notification_list")).content.decode()
    return text[text.index('<nav class="side"') : text.index("</nav>")]


def head_of(client) -> str:
    """Return the HTML of the team's menu at the top left."""
    text = frame_of(client)
    return text[: text.index("<ul>")]


@pytest.mark.parametrize(("role", "page"), [(Role.ADMIN, "team:general"), (Role.VIEWER, "accounts:teammates")])
def test_the_team_at_the_top_left_opens_a_menu_with_its_settings(as_person, user_with, role, page):
    """P4."""
    html = head_of(as_person(user_with(role)))
    assert f'class="dropdown-item" href="{reverse(page)}"' in html
    assert reverse("team:switch") not in html


def test_one_of_several_teams_is_chosen_in_the_menu(as_person, administrator, other_team):
    """P4."""
    factories.MembershipFactory(user=administrator, team=other_team)
    client = as_person(administrator)
    html = head_of(client)
    assert reverse("team:switch") in html and f'value="{other_team.pk}"' in html
    client.post(reverse("team:switch"), {"team": other_team.pk})
    assert f"<b>{other_team.name}</b>" in head_of(client)


def test_support_staff_chooses_among_all_teams_on_a_page(as_person, staff):
    assert f'href="{reverse("team:choose")}"' in head_of(as_person(staff))


def test_billing_and_members_are_in_the_menu_of_administrators(as_person, administrator, viewer):
    """P8, P9."""
    billing, members = f'href="{reverse("team:billing")}"', f'href="{reverse("accounts:teammates")}"'
    html = frame_of(as_person(administrator))
    assert billing in html and members in html
    assert billing not in frame_of(as_person(viewer))


def test_the_account_is_at_the_lower_left(as_person, viewer):
    """P33."""
    html = frame_of(as_person(viewer))
    assert f'href="{reverse("accounts:account")}"' in html[html.index('class="side-foot"') :]


def menu_of(browser):
    sections = browser.get(reverse("portal:dashboard")).context["navigation"]
    return {str(each["label"]): [str(entry["label"]) for entry in each["entries"]] for each in sections}


def test_the_menu_is_in_the_order_people_know(as_person, administrator):
    """W22-W25, and the existing parts of W26. Pages that do not exist have no entry."""
    menu = menu_of(as_person(administrator))
    assert list(menu) == [
        "Dashboard", "ChargePoints", "Charging Sessions", "Settings", "Operations", "Maintenance", "Notifications",
        "Group Management",
    ]  # fmt: skip
    assert menu["ChargePoints"][:3] == ["Overview", "Authorization", "Connectors"]  # W23
    assert menu["Settings"] == ["Users", "Team"]  # W24
    wanted = ["Remote Start Transaction", "Remote Stop Transaction", "Reset", "Change Availability"]
    assert menu["Operations"][:4] == wanted  # W25
    assert "Messages" in menu["Maintenance"]


def test_who_was_granted_the_user_role_has_a_short_menu(as_person, station):
    """Z12: own sessions, and nothing about stations, operations or maintenance."""
    driver = factories.GrantFactory.create(station=station, role="user").user
    menu = menu_of(as_person(driver))
    assert menu["Charging Sessions"] == ["Sessions"]
    assert not {"ChargePoints", "Operations", "Maintenance"} & menu.keys()


def current_of(client, name, *arguments):
    """Return what the frame marks as current: in the menu, in the submenu and among the tabs."""
    text = client.get(reverse(name, args=arguments)).content.decode()
    return re.findall(r'aria-current="page"[^>]*>(?:<svg.*?</svg>)?([^<]+)<', text)


@pytest.mark.parametrize(
    ("name", "current"),
    [
        ("portal:notification_list", ["Notifications"]),
        ("portal:notification_choices", ["Your account", "Notifications"]),
        ("accounts:account", ["Your account", "General"]),
        ("accounts:security", ["Your account", "Security"]),
        ("accounts:api_tokens", ["Your account", "API tokens"]),
        ("accounts:email_change", ["Your account", "E-mail address"]),
        ("accounts:app_add", ["Your account", "Set up an authenticator app"]),
        ("portal:user_list", ["Users"]),
        ("team:general", ["Team", "General"]),
        ("accounts:teammates", ["Team", "Members"]),
        ("access:grant_list", ["Team", "Access"]),
        ("portal:permissions", ["Team", "Roles"]),
        ("team:branding", ["Team", "Branding"]),
        ("team:branding_hosts", ["Team", "Domain"]),
        ("team:programs", ["Team", "API"]),
        ("team:program_add", ["Team", "Add an application"]),
        ("team:enrolment", ["Team", "Automatic enrolment"]),
        ("team:audit", ["Team", "Audit log"]),
        ("chargers:station_list", ["Overview"]),
        ("chargers:station_add", ["Overview", "Add station"]),
    ],
)
def test_the_current_place_is_marked(as_person, administrator, name, current):
    assert current_of(as_person(administrator), name) == current


def test_tabs_are_those_that_one_may_open(as_person, viewer, administrator):
    def tabs(person):
        return [str(tab["label"]) for tab in as_person(person).get(reverse("portal:permissions")).context["team_tabs"]]

    assert tabs(viewer) == ["Members", "Access", "Roles"]
    assert tabs(administrator) == [
        "General", "Members", "Access", "Roles", "Security", "Branding", "Domain", "API", "Billing", "Audit log",
    ]  # fmt: skip


def test_a_page_that_is_not_there_or_not_allowed_keeps_the_frame(as_person, viewer, client):
    signed_in = as_person(viewer)
    for url, status in (("/nowhere/", 404), (reverse("team:general"), 403), (reverse("portal:imprint"), 200)):
        answer = signed_in.get(url)
        assert answer.status_code == status and 'id="side"' in answer.content.decode()
    client.logout()
    for url in ("/nowhere/", reverse("portal:imprint")):
        assert 'id="side"' not in client.get(url).content.decode()


def fail(*_arguments):
    raise RuntimeError("of this test")


def test_a_fault_keeps_the_frame_and_does_without_it_when_that_fails_too(as_person, viewer, monkeypatch):
    client = as_person(viewer)
    client.raise_request_exception = False
    monkeypatch.setattr("cpms.portal.frame.search.search", fail)
    answer = client.get(reverse("portal:search"), {"q": "abc"})
    assert answer.status_code == 500
    assert 'id="side"' in answer.content.decode() and "Something went wrong" in answer.content.decode()
    monkeypatch.setattr("cpms.portal.frame.context.navigation", fail)
    answer = client.get(reverse("portal:search"), {"q": "abc"})
    assert answer.status_code == 500
    assert 'id="side"' not in answer.content.decode() and "Something went wrong" in answer.content.decode()
