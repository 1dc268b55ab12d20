"""Circuits and stations of an installation in the browser, on the desktop and on the phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages import STICKS_OUT

pytestmark = pytest.mark.browser


def add_circuit(page, name, fuse, parent=""):
    page.get_by_role("link", name="Add circuit").first.click()
    page.fill("#id_name", name)
    page.fill("#id_max_current_a", fuse)
    if parent:
        page.select_option("#id_parent", label=parent)
    page.get_by_role("button", name="Save circuit").click()
    expect(page.locator("#circuits")).to_contain_text(name)


def act(page, circuit, item):
    page.get_by_role("button", name=f"Actions for {circuit}", exact=True).click()
    page.locator(".dropdown-menu.show").get_by_text(item).click()


@pytest.mark.parametrize("width", [1440, 390])
def test_circuits_are_wired_and_a_station_moves_when_its_circuit_is_deactivated(open_page, width):
    """Z2, Z5, Z7, Z9, Z10, D1, P17."""
    page = open_page("/installations/add/", person="admin", width=width)
    page.fill("#id_name", f"Garage {width}")
    page.fill("#id_main_breaker_a", "100")
    page.get_by_role("button", name="Add installation").click()
    add_circuit(page, "Main", "63")
    add_circuit(page, "Row A", "48", "Main")
    add_circuit(page, "Row B", "48", "Main")
    expect(page.locator("#circuits")).to_contain_text("Row A and Row B add up to 96 A per phase")
    assert page.evaluate(STICKS_OUT) == []

    page.get_by_role("link", name="Add a station to Row A").click()
    page.fill("#id_identity", f"GARAGE-{width}")
    page.fill("#id_name", "Bay 12")
    page.get_by_role("button", name="Add station").click()
    expect(page.locator("h1")).to_have_text(f"Station GARAGE-{width} added")
    assert page.input_value("#password")
    page.goto("/installations/")
    page.get_by_role("link", name=f"Garage {width}").click()

    act(page, "Row A", "Deactivate circuit")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("Bay 12")
    assert page.evaluate(STICKS_OUT) == []
    dialog.get_by_role("button", name="Deactivate circuit").click()
    expect(dialog).to_contain_text("This field is required")  # nothing is moved without a choice
    open_page.complaints[:] = [message for message in open_page.complaints if " 422 " not in message]
    dialog.get_by_label("Move them to").select_option(label="Row B (48 A)")
    dialog.get_by_role("button", name="Deactivate circuit").click()
    tree = page.locator(".wiring")
    expect(tree.get_by_role("listitem").filter(has_text="Row A")).to_have_count(0)
    expect(tree.locator("li li").filter(has_text="Row B")).to_contain_text("Bay 12")

    page.get_by_role("link", name="Show deactivated circuits and stations").click()
    page.get_by_role("button", name="Activate Row A").click()
    expect(page.locator("#said, .note").first).to_contain_text("activated")


def test_each_tab_of_an_installation_fits_the_phone(open_page, pages):
    names = ("detail", "stations", "sessions", "access", "edit")
    for name in names:
        page = open_page(pages[f"places:installation_{name}"], person="full", width=390)
        expect(page.locator(".tabs [aria-current=page]")).to_be_visible()
        assert page.evaluate(STICKS_OUT) == []
