"""The back office works under the same content security policy as all other pages: no `unsafe-eval`."""

import subprocess
import sys

import pytest
from django.conf import settings
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
TAGS = "/admin/chargers/tag/"
SIGN_IN = """
import time
from importlib import import_module
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from accounts.models import User
from accounts.sign_in import fresh_proof
user = User.objects.create_user("office@example.org", "a long enough password", is_staff=True)
Authenticator.objects.create(user=user, type="totp", data={"secret": "none"})
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[fresh_proof.SESSION_KEY] = time.time()
session.create()
print(session.session_key)
"""


@pytest.fixture(scope="module")
def office(site, states):
    """Support staff with a second factor, signed in."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", SIGN_IN],
        cwd=settings.BASE_DIR,
        env=site.env,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr
    key = done.stdout.strip().splitlines()[-1]
    cookie = {"name": "session", "value": key, "domain": "localhost", "path": "/"}
    states["office", site.address] = {"cookies": [cookie], "origins": []}


@pytest.fixture
def open_office(open_page, office):
    """Open a page of the back office. Console errors, such as a blocked script, fail the test."""
    return lambda path="/admin/": open_page(path, person="office")


def test_its_menus_theme_and_sidebar_work(open_office):
    page = open_office()
    sidebar = page.locator("#nav-sidebar")
    page.click("[x-on\\:click='openUserLinks = !openUserLinks']")
    expect(page.locator("[x-show=openUserLinks]")).to_be_visible()
    page.keyboard.press("Escape")
    page.mouse.click(640, 700)
    expect(page.locator("[x-show=openUserLinks]")).to_be_hidden()
    page.evaluate("document.querySelector('html')._x_dataStack[0].switchTheme('dark')")
    expect(page.locator("html")).to_have_class("dark")
    assert sidebar.count() <= 1
    assert page.evaluate("Alpine.version") == "3.17.4"


def test_the_sidebar_stays_as_it_was_left(open_office):
    page = open_office(TAGS)
    button = page.locator("[x-on\\:click='sidebarDesktopOpen = !sidebarDesktopOpen']").first
    button.click()
    assert page.evaluate("localStorage.getItem('sidebarDesktopOpen')") == "0"
    page.reload()
    assert page.evaluate("document.body._x_dataStack[0].sidebarDesktopOpen") is False
    page.locator("[x-on\\:click='sidebarDesktopOpen = !sidebarDesktopOpen']").first.click()
    assert page.evaluate("localStorage.getItem('sidebarDesktopOpen')") == "1"


def test_the_search_of_models_opens_and_closes_by_keyboard(open_office):
    page = open_office()
    page.keyboard.press("t")
    page.keyboard.type("tag")
    results = page.locator("[x-show=openSearchResults]")
    expect(results.locator("a").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(results).to_be_hidden()


def test_a_list_has_its_filters_and_actions(open_office):
    page = open_office(TAGS)
    expect(page.locator("[x-show=action]").first).to_be_hidden()
    page.locator("input.action-select").first.check()
    page.select_option("select[name=action]", index=1)
    expect(page.locator("[x-show=action]").first).to_be_visible()
    page.locator("[x-on\\:click='filterOpen = true']").first.click()
    expect(page.locator("[x-show=filterOpen]").first).to_be_visible()


def test_a_form_with_rows_of_another_model_is_saved(open_office):
    page = open_office("/admin/accounts/team/")
    page.locator("#result_list tbody a").first.click()
    form = page.locator("#content form").first
    expect(form).to_be_visible()
    address = page.url
    page.locator("[name=_continue]").first.click()
    page.wait_for_load_state()
    assert page.url.split("?")[0] == address.split("?")[0]
    expect(page.locator(".errornote")).to_have_count(0)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/accounts/user/",
        "/admin/accounts/user/add/",
        "/admin/chargers/chargingstation/",
        "/admin/chargers/chargingstation/add/",
        "/admin/chargers/installation/add/",
        "/admin/accounts/grant/add/",
        "/admin/accounts/auditentry/",
        "/admin/charging_sessions/chargingsession/",
        "/admin/chargers/tag/import/",
        "/admin/chargers/tag/export/",
    ],
)
def test_no_page_complains(open_office, path):
    page = open_office(path)
    page.wait_for_function("window.Alpine && document.documentElement._x_dataStack")
    assert not page.locator("[x-cloak]").count(), "Alpine took all of it"
