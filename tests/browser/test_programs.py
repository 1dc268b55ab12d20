"""Team settings > API in Chromium."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import faults

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_program_is_added_and_its_key_shown_once(open_page, width, scheme):
    """S29."""
    page = open_page("/team/programs/add/", person="admin", width=width, scheme=scheme)
    found = [*faults(page)]
    expect(page.locator("#id_last_day")).to_be_hidden()
    page.check("input[name=ends][value=date]")
    expect(page.locator("#id_last_day")).to_be_visible()
    page.check("input[name=ends][value='30']")
    page.fill("#id_name", f"Energy management of the whole park of the north, test {width}")
    page.check("input[name=scopes][value=operate]")
    page.check("input[name=way][value=oauth]")
    page.click("main button[type=submit]")
    expect(page.locator("#new-key")).to_have_value(page.input_value("#new-key"))
    secret = page.input_value("#new-key")
    assert secret.startswith("cpms_")
    for path in ("", "/team/programs/"):
        if path:
            page.goto(path)
            assert secret not in page.content()
        found += faults(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click(f"text=test {width}")
    found += faults(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("text=Revoke application")
    page.click("dialog[open] button[type=submit]")
    expect(page.locator("main")).to_contain_text("Revoked")
    assert found == []
