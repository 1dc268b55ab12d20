"""Tags in the browser: the bulk bar, the picker for the scope, and the editor for time windows (W72, W73, B18)."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def add(page, value):
    page.goto("/stations/tags/add/")
    page.fill("#id_value", value)
    page.click("text=Save tag")
    expect(page.locator("h1")).to_have_text(value)


def test_ticked_tags_are_blocked_unblocked_exported_and_deleted(open_page):
    page = open_page("/stations/tags/")
    for value in ("BULK-1", "BULK-2"):
        add(page, value)

    def tick():
        page.goto("/stations/tags/?q=BULK-")
        bar = page.locator(".bulk-bar")
        expect(bar).to_be_hidden()
        page.check("[data-tick-all]")
        expect(bar).to_contain_text("2 selected")

    tick()
    page.uncheck("[name=pk] >> nth=0")
    expect(page.locator(".bulk-bar")).to_contain_text("1 selected")
    expect(page.locator("[data-tick-all]")).not_to_be_checked()
    for button, sentence in (("Block", "2 tags blocked"), ("Unblock", "2 tags unblocked")):
        tick()
        page.click(f".bulk-bar >> text=/^{button}$/")
        expect(page.locator("body")).to_contain_text(sentence)
    tick()
    with page.expect_download() as download:
        page.click("text=Export selected")
    assert download.value.suggested_filename.endswith(".csv")
    tick()
    page.click(".bulk-bar >> text=/^Delete$/")
    page.click("#delete-ticked >> text=Cancel")
    expect(page.locator("#delete-ticked")).to_be_hidden()
    page.click(".bulk-bar >> text=/^Delete$/")
    page.click("text=Delete tags")
    expect(page.locator("body")).to_contain_text("2 tags deleted")


@pytest.mark.parametrize("width", [1440, 390])
def test_scope_and_time_windows_are_set_by_keyboard(open_page, width):
    page = open_page("/stations/tags/add/", width=width)
    value = f"KEYS-{width}"
    page.fill("#id_value", value)
    page.focus("text=Add time window")
    page.keyboard.press("Enter")
    monday = page.locator(".window-row input[type=checkbox]").first
    expect(monday).to_be_focused()
    page.keyboard.press("Space")
    page.focus("text=Add time window")
    page.keyboard.press("Enter")
    expect(page.locator(".window-row")).to_have_count(2)
    page.locator(".window-row [data-press=droprow]").nth(1).press("Space")
    expect(page.locator(".window-row")).to_have_count(1)
    picker = page.locator("#places")
    expect(picker).to_be_hidden()
    page.focus("[name=scope][value=selected]")
    page.keyboard.press("Space")
    expect(picker).to_contain_text("the tag is valid nowhere")
    page.focus("#place-find")
    page.keyboard.type("live-1")
    found = picker.locator("input:not(:checked)")
    expect(found).to_have_count(1)
    found.press("Space")
    expect(picker.locator("input:checked")).to_have_count(1)
    page.fill("#place-find", "nothing-like-this")
    expect(picker).to_contain_text("Nothing else matches")
    page.focus("text=Save tag")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(value)
    expect(page.locator("body")).to_contain_text("Tue\u2013Fri 08:00\u201318:00")
    expect(page.locator("body")).to_contain_text("LIVE-1")
    page.click("text=Edit tag")
    expect(page.locator("#places input:checked")).to_have_count(1)
    expect(page.locator(".window-row")).to_have_count(1)
