"""Keyboard use, and choices that apply to all pages."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_search_is_used_by_keyboard_alone(open_page):
    page = open_page("/")
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


def test_the_search_opens_on_the_phone(open_page):
    page = open_page("/", width=390)
    page.click("[data-seek]")
    page.fill("#seek input", "live-3")
    page.click("#seek [role=option] >> nth=0")
    expect(page.locator("h1")).to_have_text("LIVE-3")


def test_the_empty_search_offers_pages_by_keyboard(open_page):
    page = open_page("/stations/")
    page.keyboard.press("Control+k")
    options = page.locator("#seek [role=option]")
    expect(options.first).to_have_attribute("aria-selected", "true")
    wanted = options.filter(has_text="Authorization")
    for _ in range(options.count()):  # the stations opened last come first
        if wanted.get_attribute("aria-selected") == "true":
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Tags")


def test_the_menu_and_the_team_are_used_by_keyboard(open_page):
    """P4."""
    page = open_page("/")
    page.focus(".side a:has-text('Messages')")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Messages")
    expect(page.locator(".side a[aria-current]")).to_have_text("Messages")
    members = page.locator(".side .dropdown-item:has-text('Members')")
    expect(members).to_be_hidden()
    page.focus(".side button.team")
    page.keyboard.press("Enter")
    expect(members).to_be_visible()
    page.keyboard.press("Escape")
    expect(members).to_be_hidden()
    page.keyboard.press("ArrowDown")
    members.press("Enter")
    expect(page.locator(".tabs [aria-current]")).to_have_text("Members")


def test_a_group_is_made_chosen_and_left(open_page):
    page = open_page("/groups/add/")
    page.fill("#id_name", "North")
    page.click("text=Create group >> visible=true >> nth=-1")
    page.fill("#find", "live-2")
    expect(page.locator("button[aria-label='Add LIVE-1']")).to_have_count(0)
    page.click("button[aria-label='Add LIVE-2']")
    expect(page.locator("button[aria-label='Remove LIVE-2']")).to_be_visible()
    page.click("text=Show this group only")
    expect(page.locator(".group-bar")).to_contain_text("North")
    page.goto("/stations/")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.click("text=Clear group filter")
    expect(page.locator(".group-bar")).to_have_count(0)
    expect(page.get_by_role("link", name="LIVE-1", exact=True)).to_be_visible()


def test_the_language_is_chosen_before_and_after_the_log_in(open_page):
    page = open_page("/account/login/", person="")
    page.click(".alone-top button")
    page.click("button[lang=de]")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.click(".alone-top button")
    page.click("button[lang=en]")
    expect(page.locator("html")).to_have_attribute("lang", "en")
