"""Find every button of an open page, press it, and check the outcome.

The table in tests/browser/buttons.py names each button of each page with its outcome, as one of the classes below. Each
outcome checks something that was not so before the press, so a button without effect fails.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from playwright.sync_api import Error, FilePayload, Locator, Page, Request, Response, expect

TRIES = 4
WAIT = 12_000  # milliseconds in which the effect of a press must be visible
NOTE_SELECTOR = ".note, .invalid-feedback, [role=alert], #said"
# Selects pressable elements; COLLECT marks each with its name in `data-button`, the first one of each name.
BUTTON = (
    "button, summary, [role=button], input[type=submit], input[type=button], select[data-go], a.btn, a.dropdown-item, "
    "a[hx-get], [data-press]"
)
COLLECT = """([within, selector]) => {
  const found = new Set();
  document.querySelectorAll("[data-button]").forEach((each) => each.removeAttribute("data-button"));
  for (const each of document.querySelector(within).querySelectorAll(selector)) {
    const dialog = each.closest("dialog");
    const isInMenu = !each.matches("summary") && each.closest(".dropdown-menu:not(.show), details:not([open])");
    if (each.disabled || (dialog && !dialog.open) || !(isInMenu || each.checkVisibility())) continue;
    const copy = each.cloneNode(true);
    copy.querySelectorAll(".sr, .visually-hidden, svg, option").forEach((part) => part.remove());
    const text = copy.textContent.trim() || each.getAttribute("aria-label") || each.title || each.value || "";
    const name = text.replace(/\\s+/g, " ").replace(/\\d+/g, "#");
    if (found.has(name)) continue;
    found.add(name);
    each.dataset.button = name;
  }
  return [...found];
}"""


class WrongOutcome(AssertionError):
    """A button press did not have the outcome that the table states."""


@dataclass(frozen=True)
class Goes:
    """Leads to a route; if none is named, to another address of the same route.

    The address must change, unless the press also shows the text `says`.
    """

    route: str = ""
    says: str = ""


@dataclass(frozen=True)
class Filters:
    """Applies the chosen filter to a list."""


@dataclass(frozen=True)
class Says:
    """Shows a message that was not there before."""

    text: str


@dataclass(frozen=True)
class Refuses:
    """Shows an error message that was not there before, because the input is wrong."""

    text: str


@dataclass(frozen=True)
class Stays:
    """Selects the option that is already selected and marked as such."""


@dataclass(frozen=True)
class Elsewhere:
    """Is pressed by a separate test, because it needs more than filled-in fields."""

    test: str


@dataclass(frozen=True)
class Changes:
    """Changes text, attributes, values or visibility of the elements of a selector."""

    selector: str


@dataclass(frozen=True)
class Downloads:
    """Downloads a file that is not empty."""

    suffix: str


@dataclass(frozen=True)
class Opens:
    """Opens a dialog with these buttons."""

    buttons: Mapping[str, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class After:
    """An outcome that needs fields filled in first: a text, True to tick a box, bytes for a
    file, or CLICK to press a button."""

    fields: Mapping[str, Any]
    outcome: Outcome


Outcome = Goes | Says | Changes | Downloads | Opens | Filters | Refuses | Stays | Elsewhere
Row = Outcome | After
MENU = Changes(".dropdown-menu")  # a button that opens a menu
CLOSES = Changes("dialog.ask")
CLICK = object()  # in the fields of an `After`: click this element first


class Database:
    """Saves and restores the rows of a running site on SQLite, so that one press does not affect the next."""

    # Tables whose content the running process keeps in memory, too.
    PRESERVED_TABLES = (
        "django_migrations",
        "chargers_gatewaynode",
        "maintenance_inboxshard",
        "maintenance_stationlink",
    )

    def __init__(self, path: Path) -> None:
        self.path, self.copy = path, path.with_suffix(".before")
        self.update()

    def update(self) -> None:
        """Save the current rows."""
        with closing(sqlite3.connect(self.path)) as now, closing(sqlite3.connect(self.copy)) as before:
            now.backup(before)

    def restore(self) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=20)) as now:
            now.execute(
                "PRAGMA ignore_check_constraints = ON"
            )  # the constraints use SQL functions that Django registers
            now.execute("ATTACH ? AS before", [str(self.copy)])
            now.execute("BEGIN IMMEDIATE")
            names = now.execute("SELECT name FROM before.sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                if name not in self.PRESERVED_TABLES and not name.startswith("sqlite_"):
                    now.execute(f'DELETE FROM main."{name}"')
                    now.execute(f'INSERT INTO main."{name}" SELECT * FROM before."{name}"')
            now.execute("COMMIT")


class Presser:
    """Presses the buttons of one page after the other, as one person in one browser."""

    def __init__(self, page: Page, database: Database) -> None:
        self.page, self.database = page, database
        self.changed: list[str] = []  # requests that may have changed rows since the last restore
        self.failed: list[str] = []
        self.within = "body"
        self.must_reload = True  # whether the page must be reloaded before the next button
        self.cookies: Any = page.context.cookies()
        self.pending: set[Request] = set()
        page.on("request", self._note_request)
        page.on("requestfinished", self._note_end)
        page.on("requestfailed", self._note_end)
        page.on("response", self._note_response)

    def _note_request(self, request: Request) -> None:
        self.pending.add(request)
        if request.method != "GET":
            self.changed.append(request.url)

    def _note_end(self, request: Request) -> None:
        self.pending.discard(request)

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.failed.append(f"{response.request.method} {urlsplit(response.url).path}: {response.status}")

    def walk(self, path: str, rows: Mapping[str, Row], common: Mapping[str, Row], within: str = "") -> list[str]:
        """Press each button of a page and return the faults, one line each.

        Args:
            rows: outcomes of the page's buttons by name, in which * stands for anything and # for a number.
            common: outcomes of buttons that any page may have.
            within: selector of the part of the page to press; by default its body.
        """
        self.must_reload = True
        self._open(path)
        within = within or (".page" if self.page.locator(".page").count() else "main")
        found = self._buttons(within)
        row_of = {name: next((key for key in (*rows, *common) if fnmatch(name, key)), "") for name in found}
        wrong = [f"“{name}” is in no row of the table" for name in found if not row_of[name]]
        wrong += [f"“{key}” is in the table but not on the page" for key in rows if key not in row_of.values()]
        for key in dict.fromkeys(row_of.values()):
            if isinstance({**common, **rows}.get(key), Elsewhere):
                continue
            name = next(name for name in found if row_of[name] == key)
            if key and (fault := self._press_reloaded(path, name, {**common, **rows}[key], within)):
                wrong.append(f"“{name}” {fault}")
        return wrong

    def _buttons(self, within: str) -> list[str]:
        self.within = within
        found: list[str] = self.page.evaluate(COLLECT, [within, BUTTON])
        return found

    def reset(self) -> None:
        """Restore the rows and the cookies if the last press changed anything."""
        if self.changed:
            self.database.restore()
            self.changed.clear()
            self.page.context.clear_cookies()
            self.page.context.add_cookies(self.cookies)

    def _open(self, path: str) -> None:
        self.reset()
        if self.must_reload:
            self.page.goto(path)
        else:
            self.page.keyboard.press("Escape")  # close an open menu
        self.failed.clear()

    def _press_reloaded(
        self, path: str, name: str, row: Row, within: str, before: Callable[[], None] | None = None
    ) -> str:
        """Press a button on the freshly opened page and return the fault, if any.

        Live updates may change the page at the same time, so there are two attempts.
        """
        fault = ""
        for _attempt in range(2):
            try:
                self._open(path)
                self.must_reload = True
                if before:
                    before()
                self._buttons(within)
                self._press(name, row, within)
            except (AssertionError, Error) as error:
                fault = " ".join(str(error).partition("Call log")[0].split())[:400]
                continue
            self.must_reload = not (row in (MENU, CLOSES) or isinstance(row, Downloads | Opens)) or bool(self.changed)
            return self._walk_dialog(path, name, row, within) if isinstance(row, Opens) else ""
        return fault

    def _walk_dialog(self, path: str, opener: str, row: Opens, within: str) -> str:
        def open_again() -> None:
            self._buttons(within)
            self._press(opener, Opens(), within)

        found = self._buttons("dialog[open]")
        if set(found) != set(row.buttons):
            return f"opens a dialog with {found}, in the table: {list(row.buttons)}"
        for name, inner in row.buttons.items():
            if fault := self._press_reloaded(path, name, inner, "dialog[open]", open_again):
                return f"> “{name}” {fault}"
        return ""

    def _press(self, name: str, row: Row, within: str) -> None:
        button = self.page.locator(f'{within} [data-button="{name}"]')
        self._reveal(button)
        if isinstance(row, After):
            for selector, value in row.fields.items():
                self._fill(self.page.locator(selector).first, value)
            row = row.outcome
        self._read(button, row)
        self._wait_until(lambda: not self.pending, "is not answered")
        if self.failed and not isinstance(row, Refuses):
            raise WrongOutcome(f"was refused: {self.failed}")

    def _fill(self, place: Locator, value: Any) -> None:
        if value is CLICK:
            place.click(timeout=WAIT)
        elif isinstance(value, bytes):
            place.set_input_files(FilePayload(name="picture.jpg", mimeType="image/jpeg", buffer=value), timeout=WAIT)
        elif isinstance(value, bool):
            place.check(timeout=WAIT)
        elif place.evaluate("place => place.tagName", timeout=WAIT) == "SELECT":
            place.select_option(value, timeout=WAIT)
        else:
            place.fill(value, timeout=WAIT)

    def _reveal(self, button: Locator) -> None:
        """Open the menu that the button is in."""
        button.evaluate(
            """(button) => {
              const details = button.closest("details");
              if (details && !button.matches("summary")) details.open = true;
              const menu = button.closest(".dropdown-menu:not(.show)");
              if (menu) menu.parentElement.querySelector("[data-bs-toggle]").click();
            }""",
            timeout=WAIT,
        )

    def _click(self, button: Locator) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                if button.evaluate("button => button.tagName", timeout=WAIT / TRIES) == "SELECT":
                    button.select_option(index=1, timeout=WAIT / TRIES)
                else:
                    button.click(timeout=WAIT / TRIES)
                return
            except Error:  # a live update replaced the list, and with it the marked buttons
                if attempt == TRIES:
                    raise
                self._buttons(self.within)

    def _read(self, button: Locator, outcome: Outcome) -> None:
        """Press a button and check that the outcome was absent before and is present after."""
        match outcome:
            case Downloads(suffix):
                with self.page.expect_download(timeout=WAIT) as coming:
                    self._click(button)
                file = coming.value.path()
                if not coming.value.suggested_filename.endswith(suffix) or not file.stat().st_size:
                    raise WrongOutcome(f"hands over {coming.value.suggested_filename}")
            case Goes(route, says):
                self._go(button, route, says)
            case Stays():
                if button.get_attribute("aria-current") != "true":
                    raise WrongOutcome("is not marked as chosen")
                self._click(button)
            case Filters():
                self._choose_filter(button)
                self._click(button)
                expect(self.page.locator("#list .chip").first).to_be_visible(timeout=WAIT)
            case Says(text) | Refuses(text):
                place = self.page.locator(NOTE_SELECTOR).filter(has_text=text)
                expect(place).to_have_count(0)
                self._click(button)
                expect(place.first).to_be_visible(timeout=WAIT)
            case Changes(selector):
                before = self._snapshot(selector)
                self._click(button)
                self._wait_until(lambda: self._snapshot(selector) != before, f"changes nothing of {selector}")
            case Opens():
                expect(self.page.locator("dialog[open]")).to_have_count(0)
                self._click(button)
                expect(self.page.locator("dialog[open]").first).to_be_visible(timeout=WAIT)

    def _choose_filter(self, button: Locator) -> None:
        """Set a filter field without an event, so that only the button can apply it."""
        expect(self.page.locator("#list .chip")).to_have_count(0)
        button.evaluate(
            """(button) => {
              const fields = [...button.form.querySelectorAll(".filters select, .filters input")];
              const select = fields.find((field) => field.matches("select") && field.options.length > 1);
              const date = fields.find((field) => field.type.startsWith("date"));
              if (select) select.options[select.options.length - 1].selected = true;
              else if (date) date.value = date.type === "date" ? "2026-01-02" : "2026-01-02T03:04";
              else fields[0].value = "1";
            }"""
        )

    def _go(self, button: Locator, route: str, says: str) -> None:
        before = self.page.url
        body = self.page.locator("body").filter(has_text=says)
        if says and not route:
            expect(body).to_have_count(0)
        self.page.evaluate("window.wasThere = true")
        self._click(button)
        self._wait_until(lambda: not self.page.evaluate("Boolean(window.wasThere)"), "leads nowhere")
        self.page.wait_for_load_state("domcontentloaded")
        if (there := route_of(self.page.url)) != (route or route_of(before)):
            raise WrongOutcome(f"leads to {there} ({self.page.url}), not to {route}: {self._notes()}")
        if says:
            expect(body.first).to_be_visible(timeout=WAIT)
        elif self.page.url == before:
            raise WrongOutcome("leads to the page it stands on and says nothing")

    def _notes(self) -> str:
        return " ".join(self.page.locator(NOTE_SELECTOR).all_inner_texts())

    def _snapshot(self, selector: str) -> Any:
        return self.page.evaluate(
            """(selector) => [...document.querySelectorAll(selector)].map((each) => [
              each.outerHTML.replace(/ data-button="[^"]*"|htmx-[a-z]+/g, ""),
              each.value, each.open, each.checkVisibility(),
            ])""",
            selector,
        )

    def _wait_until(self, is_so: Callable[[], bool], complaint: str) -> None:
        deadline, pause = time.monotonic() + WAIT / 1000, 5
        while time.monotonic() < deadline:
            try:
                if is_so():
                    return
            except Error:  # during a navigation
                pass
            self.page.wait_for_timeout(pause)
            pause = min(50, 2 * pause)
        raise WrongOutcome(f"{complaint} {self._notes()}")


def route_of(address: str) -> str:
    try:
        return re.sub(r"^:", "", resolve(urlsplit(address).path).view_name)
    except Resolver404:
        return "nowhere"
