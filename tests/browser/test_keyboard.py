"""axe-core on every page, light and dark: no serious and no critical fault; and the keyboard in what is new."""

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.test_pages import PAGES

pytestmark = pytest.mark.browser
AXE = settings.BASE_DIR / "tests" / "clients" / "node_modules" / "axe-core" / "axe.min.js"
RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
GRAVE = {"serious", "critical"}


def faults(page):
    if not AXE.exists():
        pytest.fail("axe-core is needed: make clients")
    page.evaluate(AXE.read_text())  # through the debugger, which the content security policy does not bind
    return [
        f"{found['id']}: {node['html'][:200]}"
        for found in page.evaluate(RUN)
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_anybody_out(look, station, scheme):
    station("LIVE-7")
    page = look("", person="admin", scheme=scheme)
    found = {}
    for name, path in PAGES.items():
        page.goto(path)
        found[name] = faults(page)
    page.goto("/")
    page.keyboard.press("Control+k")
    page.fill("#seek input", "live")
    expect(page.locator("#seek [role=option]").first).to_be_visible()
    found["search box"] = faults(page)
    page.keyboard.press("Escape")
    page.click("text=Privacy Settings")
    found["privacy"] = faults(page)
    assert "\n".join(sorted({fault for told in found.values() for fault in told})) == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_neither_does_the_log_in(look, scheme):
    page = look("/account/login/", person="", scheme=scheme)
    assert faults(page) == []


def test_the_search_is_used_by_keyboard_alone(look):
    page = look("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("live-")
    options = page.locator("#seek [role=option]")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert page.get_attribute("#seek input", "aria-activedescendant") == options.nth(1).get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("LIVE-2")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.locator("#seek")).to_be_hidden()


def test_the_search_opens_on_the_phone(look):
    page = look("/", width=390)
    page.click("[data-seek]")
    page.fill("#seek input", "live-3")
    page.click("#seek [role=option] >> nth=0")
    expect(page.locator("h1")).to_have_text("LIVE-3")


def test_the_menu_opens_and_closes_by_keyboard(look):
    page = look("/")
    entry = page.locator(".side >> text=Security events")
    expect(entry).to_be_hidden()
    page.focus(".side summary:has-text('Maintenance')")
    page.keyboard.press("Enter")
    expect(entry).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Messages")
    expect(entry).to_be_visible()


def test_a_group_is_made_chosen_and_left(look):
    page = look("/groups/add/")
    page.fill("#id_name", "North")
    page.click("text=Make group >> visible=true >> nth=-1")
    page.fill("#find", "live-2")
    page.click("button[aria-label='Add LIVE-2']")
    expect(page.locator("button[aria-label='Take LIVE-2 out']")).to_be_visible()
    page.click("text=Show this group only")
    expect(page.locator(".group-bar")).to_contain_text("North")
    page.goto("/stations/")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.click("text=Show everything")
    expect(page.locator(".group-bar")).to_have_count(0)
    expect(page.locator("#list tbody tr")).to_have_count(8)


def test_the_language_is_chosen_before_and_after_the_log_in(look):
    page = look("/account/login/", person="")
    page.click(".alone-top button")
    page.click("button[lang=de]")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.click(".alone-top button")
    page.click("button[lang=en]")
    expect(page.locator("html")).to_have_attribute("lang", "en")
