"""Every page with data, at three widths, light and dark: nothing overflows, nothing is reported, axe-core is satisfied.

Console errors and serious or critical findings of axe-core fail the test. PICTURES=1 saves screenshots.
"""

import os

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.axe import COLOURS, faults

pytestmark = pytest.mark.browser
PICTURES = settings.BASE_DIR / "test-results" / "pictures"
WITH_PICTURES = bool(os.environ.get("PICTURES"))
SETTLED = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const going = document.getAnimations().filter((each) => each instanceof CSSTransition);
  await Promise.allSettled(going.map((each) => each.finished));
}"""
PARTS = 4  # distributed over the test workers


def find_faults(page, name):
    """Return the faults of the open page at each width and in each colour scheme."""
    wrong = [f"{page.locator('h1').count()} h1"] if page.locator("h1").count() != 1 else []
    wrong += faults(page)
    for width, scheme in ((820, "light"), (1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SETTLED)  # wait for transitions of colours and the menu
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"sticks out at {width}")
        if WITH_PICTURES and width != 820:
            page.screenshot(path=PICTURES / f"{name.replace(':', '-')}-{width}-{scheme}.png", full_page=True)
    wrong += [f"{fault} (dark)" for fault in faults(page, COLOURS)]
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    return wrong


@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_overflows_and_all_are_accessible(open_page, pages, is_page, part):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page, wrong, seen = (
        open_page(pages["accounts:api_tokens"], person="full"),
        {},
        0,
    )  # a page that requires a recent sign-in
    for name in sorted(pages)[part::PARTS]:
        if is_page(page, name):
            page.goto(pages[name])
            seen += 1
            if found := find_faults(page, name):
                wrong[name] = found
    assert wrong == {}
    assert seen > 40 / PARTS  # routes that are not pages are not distributed evenly


def test_the_report_for_the_manufacturer_is_copied(open_page, pages):
    page = open_page(pages["maintenance:deviation_model"], person="full")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy report").click()
    expect(page.get_by_text("Report copied.")).to_be_visible()
    page.bring_to_front()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#violation-report").input_value() and "Maker Wallbox" in copied


def test_dialogs_and_menus_are_accessible(open_page):
    page = open_page("/", person="admin")
    page.keyboard.press("Control+k")
    page.fill("#seek input", "live")
    expect(page.locator("#seek [role=option]").first).to_be_visible()
    found = {"search box": faults(page)}
    page.keyboard.press("Escape")
    page.click("text=Privacy Settings")
    found["privacy"] = faults(page)
    assert found == {"search box": [], "privacy": []}


@pytest.mark.parametrize(
    "path", ["/account/login/", "/account/password/forgotten/", "/account/invitation/none/", "/imprint/"]
)
def test_pages_without_signing_in_are_accessible(open_page, path):
    page = open_page(path, person="")
    assert find_faults(page, "nobody" + path.replace("/", "-")) == []
