"""The sign-in page in Chromium: the browser solves its captcha under our content security policy (W3)."""

import pytest

from tests.browser.conftest import PASSWORD

pytestmark = pytest.mark.browser
VERIFIED = ".captcha [data-state=verified]"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_captcha_is_solved_by_itself_and_lets_in(open_page, site, width, scheme):
    """W2."""
    page = open_page("/account/login/", person="", width=width, scheme=scheme)
    page.fill("#id_login", "viewer@example.org")
    page.fill("#id_password", PASSWORD)
    page.wait_for_selector(VERIFIED)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.address}/")


def test_an_answer_that_is_not_right_refuses_the_right_password(open_page, site):
    page = open_page("/account/login/", person="")
    page.fill("#id_login", "viewer@example.org")
    page.fill("#id_password", PASSWORD)
    page.wait_for_selector(VERIFIED)
    page.evaluate("document.querySelector('input[name=captcha]').value = 'e30='")
    page.click("button[type=submit]")
    page.wait_for_selector("text=The captcha was not solved")
    page.wait_for_selector(VERIFIED)  # a new captcha is solved
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{site.address}/")
