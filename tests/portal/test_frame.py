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
