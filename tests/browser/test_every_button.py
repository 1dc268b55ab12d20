"""Every button of every page is pressed and has the outcome stated in the table in tests/browser/buttons.py.

A button that is not in the table fails, and so does one whose press changes nothing.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.browser import pressing
from tests.browser.buttons import BUTTONS, COMMON, SHELL
from tests.browser.conftest import connected
from tests.browser.pressing import Changes, Database, Goes, Presser

pytestmark = pytest.mark.browser
PARTS = 4  # distributed over the test workers


@pytest.fixture(scope="package")
def database(site, pages):
    """The database after the team's station and a station of another team have connected."""
    path = Path(site.env["VAR_DIR"]) / "cpms.sqlite3"
    station, guest = connected(site, "FULL-1"), connected(site, "GUEST-1")
    station.call("StatusNotification", connectorId=2, status="Available", errorCode="NoError")
    began = f"{datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"
    # Changed after the station's boot, so that no sweep closes the session.
    with closing(sqlite3.connect(path, timeout=20)) as rows, rows:
        rows.execute(
            "UPDATE charging_sessions_chargingsession SET started_at = ?, start_received_at = ? "
            "WHERE stopped_at IS NULL",
            [began, began],
        )
    yield Database(path)
    station.link.close()
    guest.link.close()


@pytest.fixture
def press(open_page, database):
    page = open_page("/", person="full", reduced_motion="reduce")  # skip animations
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    database.update()  # including the new sign-in
    yield Presser(page, database)
    database.restore()
    open_page.complaints[:] = [
        message for message in open_page.complaints if " 422 " not in message
    ]  # expected by `Refuses`


@pytest.mark.parametrize("part", range(PARTS))
def test_every_button_does_what_it_says(press, pages, is_page, part):
    wrong = []
    for name in sorted(pages)[part::PARTS]:
        press.reset()
        if is_page(press.page, name) and (faults := press.walk(pages[name], BUTTONS.get(name, {}), COMMON)):
            wrong += [f"{name}: {fault}" for fault in faults]
    assert not wrong, "\n".join(["Buttons that do not do what tests/browser/buttons.py says:", *wrong])


def test_every_button_around_a_page_does_what_it_says(press, pages):
    assert not press.walk(pages["portal:permissions"], SHELL, {}, within="body")


@pytest.mark.parametrize(
    "name", ["accounts:login", "accounts:password_reset", "accounts:password_reset_sent", "portal:imprint"]
)
def test_every_button_before_the_log_in_does_what_it_says(open_page, database, pages, name):
    rows = {"Open the dashboard": Goes("accounts:login"), "Back to sign in": Goes("accounts:login")}
    presser = Presser(open_page("", person=""), database)
    assert not presser.walk(pages[name], {label: rows.get(label, row) for label, row in BUTTONS[name].items()}, {})


def test_a_button_that_no_row_presses_fails_and_so_does_one_that_does_nothing(press, pages, monkeypatch):
    monkeypatch.setattr(pressing, "WAIT", 1_000)
    press.page.add_init_script(
        """document.addEventListener("DOMContentLoaded", () => {
          const button = Object.assign(document.createElement("button"), { textContent: "Approve 3 cards" });
          document.querySelector(".page").append(button);
        })"""
    )
    path = pages["portal:permissions"]
    assert press.walk(path, {}, {}) == ["“Approve # cards” is in no row of the table"]
    [fault] = press.walk(path, {"Approve # cards": Changes("#content")}, {})
    assert "“Approve # cards” changes nothing of #content" in fault
    [fault] = press.walk(path, {"Approve # cards": Goes("portal:dashboard")}, {})
    assert "“Approve # cards” leads nowhere" in fault
