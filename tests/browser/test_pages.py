"""Single pages, used as people use them."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_new_account_is_told_how_to_begin_and_begins(look):
    page = look("/", person="new")
    page.click("text=Add station >> nth=0")
    page.fill("#id_identity", "FIRST-1")
    page.click("button[type=submit]:has-text('Add station')")
    expect(page.locator("h1")).to_have_text("FIRST-1 is added")
    assert len(page.input_value("#password")) == 20
    page.click("text=Open the station")
    expect(page.locator("h1")).to_have_text("FIRST-1")


def test_the_theme_is_kept_and_there_before_the_first_paint(look):
    page = look("/")
    page.click(".top .dropdown > button:has-text('Account')")
    page.click("[data-press=theme][data-value=dark]")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    page.goto("/stations/", wait_until="commit")
    page.wait_for_selector("body", state="attached")
    assert page.get_attribute("html", "data-bs-theme") == "dark"


def test_filters_are_links_and_can_be_dropped_one_by_one(look):
    page = look("/stations/")
    page.fill("#filter-q", "live-3")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    assert "q=live-3" in page.url
    page.click("#filter-menu")
    page.select_option("[name=presence]", "online")
    expect(page.locator("#list .chip")).to_have_count(2)
    page.click(".chip a >> nth=0")
    page.wait_for_url("**/stations/?presence=online")
    page.go_back()
    expect(page.locator("#list .chip")).to_have_count(2)


def test_the_drawer_opens_and_closes_by_keyboard(look):
    page = look("/", width=390)
    expect(page.locator(".side")).to_be_hidden()
    page.focus(".burger")
    page.keyboard.press("Enter")
    expect(page.locator(".side")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".side")).to_be_hidden()
    assert page.evaluate("document.activeElement.className").endswith("burger")


def test_the_first_tab_skips_to_the_content(look):
    page = look("/stations/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_wrong_password_is_said_and_the_address_kept(look):
    """W4."""
    page = look("/account/login/", person="")
    page.fill("#id_login", "operator@example.org")
    page.fill("#id_password", "wrong")
    page.wait_for_selector(".captcha [data-state=verified]")
    page.click("button[type=submit]")
    expect(page.locator(".note[role=alert]")).to_contain_text("do not fit")
    expect(page.locator("#id_login")).to_have_value("operator@example.org")


def test_a_german_browser_gets_german(look):
    page = look("/", person="viewer", locale="de-DE")
    expect(page.locator("h1")).to_have_text("Übersicht")
