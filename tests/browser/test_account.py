"""Two-factor authentication, passkeys, signing out elsewhere and the theme, in Chromium."""

import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def person(site, request):
    """A user that only this test uses."""
    name = f"{request.node.name.replace('_', '')[-30:]}"
    site.manage("add_user", f"{name}@example.org", "--password", PASSWORD, "--team", "nordlys", "--role", "viewer")
    return name


def code_of(secret, shift=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + shift))


def sign_out(page):
    page.click("header .dropdown:last-child > button")
    page.click("text=Sign out")
    page.wait_for_selector("#id_login")


def type_password(page, person):
    page.fill("#id_login", f"{person}@example.org")
    page.fill("#id_password", PASSWORD)
    page.wait_for_selector(".captcha [data-state=verified]")
    page.click("form:has(#id_password) button[type=submit]")


def with_authenticator(page):
    """A virtual authenticator in Chromium that creates passkeys and confirms automatically."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_an_app_is_set_up_and_asked_for(open_page, site, person):
    """S24."""
    page = open_page("/account/security/", person=person)
    page.click("text=Set up app")
    expect(page.locator("img.qr")).to_be_visible()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.fill("#id_code", code_of(secret, shift=-1))
    page.click("button:text-is('Set up app')")
    with page.expect_download() as download:
        page.click("text=Download codes")
    codes = download.value.path().read_text().split("\n")
    assert len(codes[0].replace(" ", "")) == 8 and download.value.suggested_filename.startswith("recovery-codes")
    page.click("text=I have saved them")
    expect(page.locator(".tabs [aria-current]")).to_have_text("Security")
    sign_out(page)
    type_password(page, person)
    page.wait_for_selector("text=Two-factor authentication")
    page.fill("#id_code", code_of(secret))
    page.click("button:text-is('Sign in')")
    page.wait_for_url(f"{site.address}/")


def test_a_passkey_signs_in_alone_and_as_second_step(open_page, site, person):
    """S24."""
    page = open_page("/account/security/", person=person)
    with_authenticator(page)
    page.click("text=Add passkey")
    page.fill("#id_name", "Laptop")
    page.click("button:text-is('Add passkey')")
    page.wait_for_selector("text=Download codes")
    page.click("text=I have saved them")
    expect(page.locator("td", has_text="Laptop").first).to_be_visible()
    sign_out(page)
    page.click("text=Sign in with a passkey")
    page.wait_for_url(f"{site.address}/")
    sign_out(page)
    type_password(page, person)
    page.click("text=Use a passkey")
    page.wait_for_url(f"{site.address}/")


def test_a_browser_without_the_passkey_says_so(open_page):
    page = open_page("/account/login/", person="")
    refuse = "async () => { throw new DOMException('', 'NotAllowedError') }"
    page.evaluate(f"() => {{ navigator.credentials.get = {refuse} }}")
    page.click("text=Sign in with a passkey")
    expect(page.locator("form[data-passkey] [role=alert]")).to_have_text(
        "No passkey was chosen. Try again when you are ready."
    )


def test_signing_out_the_others_closes_their_pages(open_page, person):
    """W5."""
    other = open_page("/stations/", person=person)
    other.wait_for_timeout(1000)  # wait for its WebSocket
    page = open_page("/account/security/", person=person, fresh_login=True)
    page.click("text=Sign out all others")
    page.wait_for_selector("text=1 other browser signed out.")
    other.wait_for_selector("#id_login", timeout=5000)
    page.reload()
    expect(page.locator(".tabs [aria-current]")).to_have_text("Security")


def test_a_theme_is_the_persons_and_there_before_the_first_paint(open_page, person):
    page = open_page("/account/", person=person)
    page.select_option("#id_theme", "dark")
    page.click("text=Save settings")
    elsewhere = open_page("/stations/", person=person)  # a new browser on a device with a light theme
    assert elsewhere.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    elsewhere.click("header .dropdown:last-child > button")
    with elsewhere.expect_response("**/account/theme/"):
        elsewhere.click("button[data-value=light]")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    expect(page.locator("#id_theme")).to_have_value("light")
