"""What is around every page: the team at the top left, the menu, the account at the lower left."""

import pytest
from django.urls import reverse

from accounts.rights import Role
from tests import factories


def frame_of(client) -> str:
    text = client.get(reverse("portal:notification_list")).content.decode()
    return text[text.index('<nav class="side"') : text.index("</nav>")]


@pytest.mark.parametrize(("role", "page"), [(Role.ADMIN, "team:general"), (Role.VIEWER, "accounts:teammates")])
def test_the_only_team_leads_to_its_settings(as_person, user_with, role, page):
    """P4."""
    assert f'<a class="team" href="{reverse(page)}"' in frame_of(as_person(user_with(role)))


def test_one_of_several_teams_leads_to_the_choice(as_person, administrator, other_team):
    """P4."""
    factories.MembershipFactory(user=administrator, team=other_team)
    assert f'<a class="team" href="{reverse("team:choose")}"' in frame_of(as_person(administrator))


def test_billing_and_teammates_are_in_the_menu_of_administrators(as_person, administrator, viewer):
    """P8, P9."""
    billing, teammates = f'href="{reverse("team:billing")}"', f'href="{reverse("accounts:teammates")}"'
    told = frame_of(as_person(administrator))
    assert billing in told and teammates in told
    assert billing not in frame_of(as_person(viewer))


def test_the_account_is_at_the_lower_left(as_person, viewer):
    """P33."""
    told = frame_of(as_person(viewer))
    assert f'href="{reverse("accounts:account")}"' in told[told.index('class="side-foot"') :]


def menu_of(browser):
    sections = browser.get(reverse("portal:dashboard")).context["navigation"]
    return {str(each["label"]): [str(entry["label"]) for entry in each["entries"]] for each in sections}


def test_the_menu_is_in_the_order_people_know(as_person, administrator):
    """W22-W25, and what there is of W26. What is not built has no entry."""
    menu = menu_of(as_person(administrator))
    assert list(menu) == [
        "Dashboard", "ChargePoints", "Charging Sessions", "Settings", "Operations", "Maintenance", "Notifications",
        "Group Management",
    ]  # fmt: skip
    assert menu["ChargePoints"][:3] == ["Overview", "Authorization", "Connectors"]  # W23
    assert menu["Settings"][0] == "Users"  # W24
    wanted = ["Remote Start Transaction", "Remote Stop Transaction", "Reset", "Change Availability"]
    assert menu["Operations"][:4] == wanted  # W25
    assert "Messages" in menu["Maintenance"]


def test_who_was_granted_the_user_role_has_a_short_menu(as_person, station):
    """Z12: one's own sessions, and nothing about stations, operations or maintenance."""
    driver = factories.GrantFactory.create(station=station, role="user").user
    menu = menu_of(as_person(driver))
    assert menu["Charging Sessions"] == ["Sessions"]
    assert not {"ChargePoints", "Operations", "Maintenance"} & menu.keys()
