"""A connected station is handed over to another team (Vi8), in embedded mode and in a browser."""

import pytest
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosed

from tests.browser.axe import faults
from tests.browser.conftest import PASSWORD, STATION_PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mover(site):
    """An administrator of two teams that no other test uses."""
    person = ["add_user", "mover@example.org", "--password", PASSWORD, "--role", "admin", "--team"]
    site.manage_all(
        [
            ["add_team", "from", "--name", "Stadtwerke Altendorf"],
            ["add_team", "to", "--name", "Ladeverbund Neustadt"],
            [*person, "from"],
            [*person, "to"],
            ["add_station", "MOVE-1", "--team", "from", "--password", STATION_PASSWORD],
        ]
    )
    return "mover"


def test_it_is_handed_over_and_comes_back_as_the_other_teams(open_page, station, mover):
    """Vi8."""
    first = station("MOVE-1")
    page = open_page("/stations/?q=MOVE-1", person=mover)
    page.click("#list tbody a:text-is('MOVE-1')")
    expect(page.locator("#link")).to_contain_text("Online")
    past = page.url
    page.click("[aria-label=More]")
    page.click("text=Hand over to another team")
    assert faults(page) == []
    page.select_option("#id_team", label="Ladeverbund Neustadt")
    page.click("button:has-text('Hand over station')")
    expect(page.locator(".invalid-feedback")).to_contain_text("tick this box")
    open_page.complaints.clear()  # Chromium reports the 422
    page.check("#id_is_sure")
    page.click("button:has-text('Hand over station')")
    expect(page.locator("h1")).to_have_text("MOVE-1")
    expect(page.locator("#station-facts")).to_contain_text("Ladeverbund Neustadt")
    assert page.url != past
    with pytest.raises(ConnectionClosed):
        first.link.recv(5)
    station("MOVE-1")
    expect(page.locator("#link")).to_contain_text("Online", timeout=5_000)
    page.goto(past)
    expect(page.locator("h1")).to_contain_text("MOVE-1 (until ")
    expect(page.locator(".note").first).to_contain_text("handed over to another team on")
    expect(page.locator("#link")).to_contain_text("Offline")
    assert faults(page) == []
