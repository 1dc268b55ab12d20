"""Station events appear on an open page within two seconds, and commands reach the station."""

import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
SOON = 2_000


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def open_station(open_page, identity, **more):
    page = open_page(f"/stations/?q={identity}", **more)
    page.click(f"#list tbody a:text-is('{identity}')")
    page.wait_for_selector("#places")
    page.wait_for_timeout(500)  # wait for the page's WebSocket
    page.evaluate("window.isTheSamePage = true")
    return page


def test_a_whole_session_is_seen_without_reloading(open_page, station):
    """W1."""
    page = open_station(open_page, "LIVE-1")
    expect(page.locator("#link")).to_contain_text("Unknown")

    live = station("LIVE-1")
    expect(page.locator("#link")).to_contain_text("Online", timeout=SOON)
    expect(page.locator("#boot")).to_contain_text("Wallbox", timeout=SOON)
    expect(page.locator("#places")).to_contain_text("Available", timeout=SOON)

    started = live.call("StartTransaction", connectorId=1, idTag="04A2C7B1", meterStart=1000, timestamp=now())
    live.status("Charging")
    session = started["transactionId"]
    expect(page.locator("#places")).to_contain_text(f"session {session}", timeout=SOON)
    values = [
        {"value": "10840", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "1860", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
    ]
    live.call(
        "MeterValues", connectorId=1, transactionId=session, meterValue=[{"timestamp": now(), "sampledValue": values}]
    )
    expect(page.locator("#places")).to_contain_text("10.8", timeout=SOON)
    expect(page.locator("#places")).to_contain_text("0.86", timeout=SOON)
    expect(page.locator("#log")).to_contain_text("MeterValues", timeout=SOON)

    live.call(
        "StopTransaction", transactionId=session, idTag="04A2C7B1", meterStop=2000, timestamp=now(), reason="Local"
    )
    live.status("Available")
    expect(page.locator("#latest-sessions")).to_contain_text("Completed", timeout=SOON)
    expect(page.locator("#places")).not_to_contain_text(f"session {session}", timeout=SOON)
    live.link.close()
    expect(page.locator("#link")).to_contain_text("Offline", timeout=SOON)
    assert page.evaluate("window.isTheSamePage")


def test_the_dashboard_moves_by_itself(open_page, station):
    page = open_page("/")
    page.wait_for_timeout(500)
    before = page.locator("[data-v=online]").inner_text()
    live = station("LIVE-2")
    expect(page.locator("[data-v=online]")).not_to_have_text(before, timeout=SOON)
    live.status("Faulted", errorCode="GroundFailure")
    expect(page.locator("#attention")).to_contain_text("Ground failure", timeout=SOON)


def test_a_command_reaches_the_station_and_its_answer_the_page(open_page, station):
    live = station("LIVE-3")
    page = open_station(open_page, "LIVE-3")
    page.click("#start-1")
    page.fill("#id_id_tag", "04A2C7B1")
    page.click("dialog button[type=submit]")
    expect(page.locator("dialog[open]")).to_have_count(0)
    asked = live.answer(status="Accepted")
    assert asked[2:] == ["RemoteStartTransaction", {"connectorId": 1, "idTag": "04A2C7B1"}]
    expect(page.locator("#commands")).to_contain_text("Accepted", timeout=SOON)
    live.call("StartTransaction", connectorId=1, idTag="04A2C7B1", meterStart=5, timestamp=now())
    expect(page.locator("#commands")).to_contain_text("Done", timeout=SOON)


def test_a_wrong_entry_keeps_the_dialog_open(open_page, station):
    station("LIVE-4")
    page = open_station(open_page, "LIVE-4")
    page.click("#start-1")
    page.fill("#id_id_tag", "NOBODY")
    page.click("dialog button[type=submit]")
    expect(page.locator("dialog[open] .invalid-feedback")).to_contain_text("No tag matches")
    expect(page.locator("#id_id_tag")).to_have_value("NOBODY")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    open_page.complaints.clear()  # Chromium reports the 422


def test_the_log_can_be_paused(open_page, station):
    """P32."""
    live = station("LIVE-5")
    page = open_station(open_page, "LIVE-5")
    page.click("#log [data-press=pause]")
    live.call("Heartbeat")
    page.wait_for_timeout(1500)
    expect(page.locator("#log")).not_to_contain_text("Heartbeat")
    page.click("#log [data-press=pause]")
    expect(page.locator("#log")).to_contain_text("Heartbeat", timeout=SOON)


def test_a_live_list_does_not_move_but_says_what_is_new(open_page, station):
    live = station("LIVE-6")
    started = live.call("StartTransaction", connectorId=1, idTag="04A2C7B1", meterStart=1, timestamp=now())
    live.call("StopTransaction", transactionId=started["transactionId"], meterStop=3, timestamp=now())
    page = open_page("/sessions/")
    expect(page.locator("#list tbody")).to_contain_text("LIVE-6")
    page.wait_for_timeout(500)
    rows = page.locator("#list tbody tr").count()
    live.call("StartTransaction", connectorId=1, idTag="04A2C7B1", meterStart=5, timestamp=now())
    expect(page.locator("#list .fresh")).to_contain_text("Show", timeout=SOON)
    assert page.locator("#list tbody tr").count() == rows
    page.click("#list .fresh")
    expect(page.locator("#list tbody tr").first).to_contain_text("LIVE-6")


def test_a_lost_connection_is_shown_and_recovers(open_page, site):
    page = open_page("/stations/")
    page.wait_for_timeout(500)
    site.stop()
    expect(page.locator("#stale")).to_be_visible(timeout=10_000)
    expect(page.locator("#stale")).to_contain_text("No live connection since")
    site.start()
    until = time.monotonic() + 30
    while page.locator("#stale").is_visible() and time.monotonic() < until:
        page.wait_for_timeout(250)
    expect(page.locator("#stale")).to_be_hidden()
    open_page.complaints.clear()  # Chromium reports each failed attempt
