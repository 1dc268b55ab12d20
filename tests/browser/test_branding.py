"""A team's branding on its own domain, from the settings to the sign-in page, in Chromium (P11)."""

import io

import pytest
from django.conf import settings
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.browser.axe import faults
from tests.browser.conftest import OWN_HOST

pytestmark = pytest.mark.browser
PICTURES = settings.BASE_DIR / "test-results" / "pictures"
GREEN, LIGHT_GREEN = "#0b6e4f", "#4ade80"
SOON = 5_000


def draw_logo(size, ink, background=(0, 0, 0, 0)):
    """Draw a logo: a circle and some bars."""
    picture = Image.new("RGBA", size, background)
    pen, height = ImageDraw.Draw(picture), size[1]
    pen.ellipse((4, 4, height - 4, height - 4), fill=ink)
    for at in range(height + 12, size[0] - 20, 34):
        pen.rectangle((at, height // 4, at + 18, height * 3 // 4), fill=ink)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def file_of(content, name="logo.png"):
    return {"name": name, "mimeType": "image/png", "buffer": content}


@pytest.fixture(scope="module")
def pictures():
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES


@pytest.fixture
def branded(open_page, site, pictures):
    """The team nordlys with branding and its own domain, all set up in the portal."""
    page = open_page("/team/branding/", person="admin", fresh_login=True)  # the page requires a recent sign-in
    if page.input_value("#id_portal_name") != "Nordlys Lading":
        page.fill("#id_portal_name", "Nordlys Lading")
        page.set_input_files("#id_logo_light", file_of(draw_logo((420, 96), GREEN)))
        page.set_input_files("#id_logo_dark", file_of(draw_logo((420, 96), LIGHT_GREEN)))
        page.set_input_files("#id_icon", file_of(draw_logo((200, 200), GREEN)))
        page.check("[name=colours][value=two]")
        page.fill("#id_accent", GREEN)
        page.fill("#id_accent_dark", LIGHT_GREEN)
        page.fill("#id_support_email", "hjelp@nordlys.example")
        page.fill("#id_support_phone", "+47 22 00 00 00")
        expect(page.locator(".brand-preview")).to_contain_text(LIGHT_GREEN)
        page.click("text=Save branding")
        expect(page.locator(".note.good")).to_contain_text("Branding saved")
    page.goto("/team/branding/domain/")
    if not page.locator(f"text={OWN_HOST} >> nth=0").count():
        page.fill("#id_domain", OWN_HOST)
        page.click("text=Add host name")
        name, _kind, value = page.locator(".records dd").first.inner_text().split()
        site.names.records[name] = [value]
        page.screenshot(path=pictures / "own-domain-1440-light.png", full_page=True)
        page.click("text=Check records")
        expect(page.locator(".card")).to_contain_text(["in use"])
    return page


def test_the_preview_follows_what_is_chosen(open_page, pictures):
    page = open_page("/team/branding/", person="admin")
    page.check("[name=colours][value=two]")
    page.fill("#id_accent", "#ffd400")
    expect(page.locator(".brand-preview")).to_contain_text("must be 4.5:1")
    page.screenshot(path=pictures / "branding-no-1440-light.png", full_page=True)
    page.check("[name=colours][value=one]")
    expect(page.locator(".brand-preview")).to_contain_text("made readable")
    shown = page.locator(".brand-sample .btn-primary").first
    assert shown.evaluate("e => getComputedStyle(e).backgroundColor") != "rgb(255, 212, 0)"
    page.fill("#id_portal_name", "<b>Nordlys")
    expect(page.locator(".sample-head b").first).to_have_text("<b>Nordlys")
    page.set_input_files("#id_logo_light", file_of(draw_logo((420, 96), "#7c2d12")))
    expect(page.locator("[data-theme-of], [data-bs-theme=light] [data-logo=logo_light]").first).to_be_visible()
    page.fill("#id_accent", GREEN)  # what is shown stays after the next request
    expect(page.locator(".brand-preview")).to_contain_text(GREEN)
    expect(page.locator("[data-bs-theme=light] [data-logo=logo_light]").first).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_branding_on_own_domain(branded, open_page, site, pictures, width, scheme):
    colour = "rgb(11, 110, 79)" if scheme == "light" else "rgb(74, 222, 128)"
    page = open_page("/account/login/", person="", width=width, scheme=scheme, base=site.own_address)
    expect(page).to_have_title("Sign in \u2013 Nordlys Lading")
    logo = page.locator(".alone .brand img:visible")
    expect(logo).to_have_attribute("alt", "Nordlys Lading")
    assert logo.evaluate("e => e.naturalWidth") > 100
    button = page.locator("button.btn-primary").first
    assert button.evaluate("e => getComputedStyle(e).backgroundColor") == colour
    assert page.locator("link[rel=icon]").get_attribute("href").endswith(".png")
    expect(page.locator(".foot")).to_contain_text("hjelp@nordlys.example")
    assert faults(page) == []
    page.screenshot(path=pictures / f"own-login-{width}-{scheme}.png")

    page = open_page("", person="operator", width=width, scheme=scheme, base=site.own_address)
    for name, path in {"dashboard": "/", "stations": "/stations/", "account": "/account/"}.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=pictures / f"own-{name}-{width}-{scheme}.png")
        assert faults(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert "Nordlys Lading" in page.title()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "dark")])
def test_branding_settings_are_accessible(branded, open_page, pictures, width, scheme):
    page = open_page("", person="admin", width=width, scheme=scheme)
    for name, path in {"branding": "/team/branding/", "domain": "/team/branding/domain/"}.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=pictures / f"settings-{name}-{width}-{scheme}.png", full_page=True)
        assert faults(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pages_on_own_domain_are_live(branded, open_page, site, station):
    page = open_page("/stations/?q=LIVE-4", base=site.own_address)
    page.click("#list tbody a:text-is('LIVE-4')")
    page.wait_for_selector("#places")
    page.wait_for_timeout(500)
    station("LIVE-4")
    expect(page.locator("#link")).to_contain_text("Online", timeout=SOON)
    assert page.url.startswith(site.own_address)


def test_other_users_see_the_hosts_branding_there_and_ours_elsewhere(branded, open_page, site):
    page = open_page("/", person="new", base=site.own_address)
    assert "Nordlys Lading" in page.title()
    expect(page.locator(".side .team")).to_contain_text("Not your team")  # on its domain a user sees this team only
    page = open_page("/", person="new")
    assert "CPMS" in page.title() and not page.locator(".brand-logo").count()
