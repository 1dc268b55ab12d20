"""Single pages in typical use."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_new_account_is_told_how_to_begin_and_begins(open_page):
    page = open_page("/", person="new")
    page.click("text=Add station >> nth=0")
    page.fill("#id_identity", "FIRST-1")
    page.click("button[type=submit]:has-text('Add station')")
    expect(page.locator("h1")).to_have_text("Station FIRST-1 added")
    assert len(page.input_value("#password")) == 40
    page.click("text=Open station")
    expect(page.locator("h1")).to_have_text("FIRST-1")


def test_the_theme_is_kept_and_there_before_the_first_paint(open_page):
    page = open_page("/")
    page.click(".top .dropdown > button:has-text('Account')")
    page.click("[data-press=theme][data-value=dark]")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    page.goto("/stations/", wait_until="commit")
    page.wait_for_selector("body", state="attached")
    assert page.get_attribute("html", "data-bs-theme") == "dark"


def test_filters_are_links_and_can_be_dropped_one_by_one(open_page):
    page = open_page("/stations/")
    page.fill("#filter-q", "live-3")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    assert "q=live-3" in page.url
    expect(page.locator("#list-count")).to_contain_text(", filtered")
    page.click("#filter-menu")
    page.click(".facet summary:has-text('Connection')")
    page.locator("#options-presence label", has_text="Online").locator("input").check()
    expect(page.locator("#list .chip")).to_have_count(2)
    page.click(".chip a >> nth=0")
    page.wait_for_url("**/stations/?presence=online")
    page.go_back()
    expect(page.locator("#list .chip")).to_have_count(2)


def test_the_drawer_opens_and_closes_by_keyboard(open_page):
    page = open_page("/", width=390)
    expect(page.locator(".side")).to_be_hidden()
    page.focus(".burger")
    page.keyboard.press("Enter")
    expect(page.locator(".side")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".side")).to_be_hidden()
    assert page.evaluate("document.activeElement.className").endswith("burger")


def test_the_first_tab_skips_to_the_content(open_page):
    page = open_page("/stations/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_wrong_password_shows_a_message_and_keeps_the_address(open_page):
    """W4."""
    page = open_page("/account/login/", person="")
    page.fill("#id_login", "operator@example.org")
    page.fill("#id_password", "wrong")
    page.wait_for_selector(".captcha [data-state=verified]")
    page.click("button[type=submit]")
    expect(page.locator(".note[role=alert]")).to_contain_text("Wrong e-mail or password")
    expect(page.locator("#id_login")).to_have_value("operator@example.org")


def test_a_german_browser_gets_german(open_page):
    page = open_page("/", person="viewer", locale="de-DE")
    expect(page.locator("h1")).to_have_text("Übersicht")


STICKS_OUT = """() => [...document.querySelectorAll(".page *")].filter((each) => {
  const box = each.getBoundingClientRect();
  return box.width && each.checkVisibility() && (box.right > innerWidth || box.left < 0) && !each.closest(".sr");
}).map((each) => each.outerHTML.slice(0, 120))"""


def test_a_session_with_voltage_and_temperature_fits_the_phone(open_page, pages):
    page = open_page(pages["sessions:session_detail"], person="full", width=390)
    expect(page.locator("#readings")).to_contain_text("Voltage L1-N 231.4 V")
    expect(page.locator("#readings")).to_contain_text("Temperature 41.5 Celsius")
    assert page.evaluate(STICKS_OUT) == []


@pytest.mark.parametrize("name", ["team:general", "sessions:session_detail", "portal:dashboard"])
def test_the_last_tab_is_never_cut(open_page, pages, name):
    page = open_page(pages[name], person="full", width=390)
    for row in page.locator(".page :is(.seg, .tabs):visible").all():
        last, frame = row.locator("a, button").last.bounding_box(), row.bounding_box()
        assert last["x"] + last["width"] <= frame["x"] + frame["width"] <= 390
        assert last["y"] + last["height"] <= frame["y"] + frame["height"]


def test_a_period_that_cannot_be_shown_is_said_beside_its_fields(open_page):
    page = open_page("/", person="full")
    chart = page.locator("[data-kind=days]")
    chart.get_by_role("button", name="From").click()
    for name, day in (("from", "2026-10-13"), ("to", "2026-10-12")):
        chart.locator(f"input[name={name}]").fill(day)
    expect(chart.locator(".refusal")).to_have_text("The end of the period is before its start.")
    chart.locator("input[name=to]").fill("2026-10-14")
    expect(chart.locator(".refusal")).to_be_hidden()
    open_page.complaints.clear()  # Chromium reports the 400


def test_the_last_period_wins_over_slower_earlier_ones(open_page):
    page = open_page("/", person="full")
    chart, held = page.locator("[data-kind=days]"), []

    def hold(route):
        held.append(route)

    chart.locator("[data-view=table]").click()
    expect(chart.locator("tbody tr")).to_have_count(7)
    page.route("**/sessions.json?from=*", hold)
    with page.expect_request("**/sessions.json?from=*"):
        chart.get_by_role("button", name="30 days").click()
    chart.get_by_role("button", name="7 days").click()
    for route in held:
        route.continue_()
    page.wait_for_timeout(1000)
    expect(chart.locator("tbody tr")).to_have_count(7)
