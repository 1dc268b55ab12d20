"""The list of stations in a browser: filters, ticked rows and what is done with them (W48-W50)."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.pressing import Database

pytestmark = pytest.mark.browser
ROWS = "#list tbody input[form=ticks]:enabled"


@pytest.fixture
def database(site, pages):
    rows = Database(Path(site.env["VAR_DIR"]) / "cpms.sqlite3")
    yield rows
    rows.restore()


def confirm(page, action, button, said):
    page.click(f"#ticks button[value={action}]")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    dialog.locator("[data-press=close]").click()
    expect(dialog).to_have_count(0)
    page.click(f"#ticks button[value={action}]")
    if action == "move":
        page.select_option("#id_place", index=1)
    if action == "group":
        page.fill("#id_name", "Ticked in a browser")
    page.click(f"dialog[open] button:has-text('{button}')")
    expect(page.locator(".note").first).to_contain_text(said)


def test_options_are_loaded_searched_and_chosen(open_page):
    page = open_page("/stations/")
    page.click("#filter-menu")
    page.click(".facet summary:has-text('Connection')")
    option = page.locator("#options-presence label", has_text="Unknown")
    expect(option.locator(".count")).to_have_text(re.compile("[0-9]+"))
    option.locator("input").check()
    expect(page.locator("#list .chip")).to_contain_text("Connection: Unknown")
    assert page.url.endswith("?presence=unknown")
    page.click(".facet summary:has-text('Installation')")
    search = page.locator("[name=find_installation]")
    search.fill("no such place")
    expect(page.locator("#options-installation")).to_contain_text("Nothing found")
    assert page.url.endswith("?presence=unknown")  # what is searched for among options is no filter
    page.keyboard.press("Escape")
    page.click("#list .chip a")
    expect(page.locator("#list .chip")).to_have_count(0)


def test_rows_are_ticked_by_keyboard_and_all_at_once(open_page):
    page = open_page("/stations/")
    bar = page.locator("#ticks")
    expect(bar).to_be_hidden()
    page.locator(ROWS).first.focus()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("1 selected")
    page.locator("[data-tick-page]").check()
    count = page.locator(ROWS).count()
    expect(bar).to_contain_text(f"{count} selected")
    page.click("#ticks [data-press=untick]")
    expect(bar).to_be_hidden()


def test_ticks_stay_when_the_list_is_updated(open_page):
    page = open_page("/stations/")
    page.locator(ROWS).first.check()
    chosen = page.locator(ROWS).first.get_attribute("value")
    with page.expect_response(lambda response: "/stations/" in response.url):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('news'))")
    page.wait_for_timeout(300)
    expect(page.locator(f"#list input[value='{chosen}']")).to_be_checked()
    expect(page.locator("#ticks")).to_contain_text("1 selected")


@pytest.mark.parametrize(
    ("action", "button", "said"),
    [
        ("deactivate", "Deactivate", "1 station deactivated."),
        ("activate", "Activate", "1 station activated."),
        ("move", "Move stations", "1 station moved."),
        ("group", "Add stations", "1 station added to the group."),
        ("trigger", "Request message", "Request sent to 1 station."),
        ("reset", "Reset (soft)", "Reset sent to 1 station."),
    ],
)
def test_each_action_asks_and_says_what_it_did(open_page, database, action, button, said):
    page = open_page("/stations/?deactivated=also", person="full")
    database.update()  # with the new sign-in
    page.locator(ROWS).first.check()
    confirm(page, action, button, said)
