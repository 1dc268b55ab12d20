"""Invitations, forgotten passwords, and switching between teams."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD

pytestmark = pytest.mark.browser
LINK = re.compile(r"https?://\S+/account/\S+")


def link_in_mail(open_page, to, subject):
    """Return the link in the newest e-mail with this subject to this address."""
    page = open_page("", person="")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        page.goto("/mails/")
        mail = (
            page.locator("main, body").locator("section, article, li, tr").filter(has_text=to).filter(has_text=subject)
        )
        if mail.count() and (found := LINK.search(mail.first.inner_text())):
            return found.group(0)
        page.wait_for_timeout(300)
    raise AssertionError(page.locator("body").inner_text())


def sign_in(page, email, password):
    page.fill("#id_login", email)
    page.fill("#id_password", password)
    page.wait_for_selector(".captcha [data-state=verified]")
    page.click("button[type=submit]")


def test_somebody_is_invited_and_joins(open_page, site):
    """Z3, P9."""
    page = open_page("/team/teammates/", person="admin")
    page.fill("#id_email", "invited@example.org")
    page.click("text=Send invitation >> visible=true >> nth=-1")
    expect(page.locator("body")).to_contain_text("invited@example.org")
    link = link_in_mail(open_page, "invited@example.org", "invit")
    guest = open_page("", person="")
    guest.goto(link)
    expect(guest.locator("h1")).to_have_text("Join Nordlys Energie")
    guest.fill("#id_first_name", "Ida")
    guest.fill("#id_last_name", "Lund")
    guest.fill("#id_password1", "a rather long password")
    guest.fill("#id_password2", "a rather long password")
    guest.click("text=Accept invitation")
    expect(guest.locator(".top")).to_contain_text("Ida Lund")
    expect(guest.locator(".side")).to_contain_text("Nordlys Energie")
    again = open_page("", person="")
    again.goto(link)
    expect(again.locator("body")).not_to_contain_text("Accept invitation")
    open_page.complaints.clear()  # Chromium reports the 404 or 410


def test_a_forgotten_password_is_reset_by_mail_once(open_page, site):
    """W6-W10."""
    site.manage("add_user", "forgot@example.org", "--password", PASSWORD, "--team", "nordlys", "--role", "viewer")
    page = open_page("/account/login/", person="")
    page.click("text=Forgot")
    page.fill("#id_email", "forgot@example.org")
    page.click("button[type=submit]")
    link = link_in_mail(open_page, "forgot@example.org", "assword")
    page.goto(link)
    page.fill("#id_password1", "another long password")
    page.fill("#id_password2", "another long password")
    page.click("button[type=submit] >> visible=true >> nth=-1")
    page.goto("/account/login/")
    sign_in(page, "forgot@example.org", "another long password")
    expect(page.locator(".top")).to_contain_text("forgot@example.org")
    again = open_page("", person="")
    again.goto(link)
    expect(again.locator("#id_password1")).to_have_count(0)
    open_page.complaints.clear()


def test_a_member_of_two_teams_switches_between_them(open_page):
    """P4, V11, P5."""
    page = open_page("/", person="both")
    page.click(".side .team")
    page.click(".side .dropdown-menu button:has-text('Nordlys Energie')")
    expect(page.locator(".side .team b")).to_have_text("Nordlys Energie")
    page.goto("/stations/")
    expect(page.locator("#list tbody")).to_contain_text("LIVE-1")
    page.click(".top .groups")
    page.click("button[name=provider]:has-text('Neu gegründet')")
    expect(page.locator(".group-bar")).to_contain_text("Only data of Neu gegründet is shown.")
    expect(page.locator("#list")).not_to_contain_text("LIVE-1")
    page.click(".group-bar button")
    expect(page.locator("#list tbody")).to_contain_text("LIVE-1")


def test_access_is_granted_by_a_form_that_shows_the_chosen_fields_only(open_page):
    """P19."""
    page = open_page("/access/give/", person="admin")
    fields = {name: page.locator(f"#id_{name}") for name in ("installation", "station", "email", "to_team")}

    def expect_shown(*names):
        for name, field in fields.items():
            expect(field).to_be_visible() if name in names else expect(field).to_be_hidden()

    expect_shown("installation", "email")
    page.get_by_role("group", name="Recipient").get_by_label("Team").check()
    expect_shown("installation", "to_team")
    fields["to_team"].fill("ignored")
    page.get_by_role("group", name="Access to").get_by_label("Installation").focus()
    page.keyboard.press("ArrowDown")
    expect_shown("station", "to_team")
    page.get_by_role("group", name="Recipient").get_by_label("Person").check()
    page.click("button:text-is('Grant access')")
    expect(page.locator(".invalid-feedback")).to_have_count(3)
    expect_shown("station", "email")
    fields["station"].fill("LIVE-1")
    fields["email"].fill("both@example.org")
    page.get_by_role("group", name="Role").get_by_label("Owner").check()
    page.click("button:text-is('Grant access')")
    page.wait_for_url("**/access/")
    expect(page.locator("#list")).to_contain_text("both@example.org")
    expect(page.locator("#list")).to_contain_text("LIVE-1")
    open_page.complaints.clear()  # Chromium reports the 422


def test_without_scripts_the_form_shows_all_fields(open_page, browser, site, states):
    open_page("", person="admin")
    context = browser.new_context(
        java_script_enabled=False, base_url=site.address, storage_state=states["admin", site.address]
    )
    page = context.new_page()
    page.goto("/access/give/")
    for name in ("installation", "station", "email", "to_team"):
        expect(page.locator(f"#id_{name}")).to_be_visible()
    context.close()
