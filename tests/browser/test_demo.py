"""The demo for a visitor: one command starts it, simulated stations charge, and figures update without reload."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.browser
PICTURE = settings.BASE_DIR / "test-results" / "pictures" / "demo.png"
README_PICTURE = settings.BASE_DIR / "docs" / "images" / "dashboard.png"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start("--demo")
    yield made
    made.stop()


def test_the_demo_charges_and_its_dashboard_moves_without_reload(demo: Site, browser: Any) -> None:
    """W27, W33. UPDATE_README_PICTURE=1 saves the picture for the README."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    page.goto(f"{demo.address}/")
    page.fill("#id_login", "operator@nordlys.example")
    page.fill("#id_password", "nordlys-demo")
    page.locator(".captcha [data-state=verified]").wait_for(timeout=30_000)
    page.press("#id_password", "Enter")
    power = page.locator("[data-v=power]")
    expect(power).to_be_visible(timeout=60_000)
    page.evaluate("window.notReloaded = true")
    before = power.inner_text()
    for identity, tag in (("DEPOT-A-03", "5E3F70A5"), ("KITA-SUED-02", "5E3F70A6"), ("DEPOT-A-04", "7C11D0F4")):
        start = json.dumps({"connectorId": 1, "idTag": tag})  # at night hardly anybody arrives
        demo.manage("send_command", identity, "RemoteStartTransaction", start)
    expect(power).not_to_have_text(before, timeout=60_000)
    assert page.evaluate("window.notReloaded") is True
    page.wait_for_timeout(1500)  # wait until the highlight of changes has faded
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURE, full_page=True)
    page.close()
    assert PICTURE.stat().st_size > 20_000
    if os.environ.get("UPDATE_README_PICTURE"):
        README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PICTURE, README_PICTURE)
