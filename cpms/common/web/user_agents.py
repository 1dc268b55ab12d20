"""Names of browsers and operating systems, read from user agent headers."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cpms.common.web.formatting import DASH

RECORD_PREFIX = "browser"  # marks records of browsers in the audit log


BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)


SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_label(agent: str) -> str:
    """Return the common names of the browser and the operating system."""
    return _browser_and_system(*_names_of(agent))


def recorded_browser_label(record: str) -> str:
    """Return browser, system and address of a language-neutral audit record; older records are returned unchanged."""
    if not record.startswith(f"{RECORD_PREFIX}|"):
        return record
    _prefix, browser, system, address = record.split("|")
    return f"{_browser_and_system(browser, system)} · {address or DASH}"


def _names_of(agent: str) -> tuple[str, str]:
    browser = next((name for sign, name in BROWSERS if sign in agent), "")
    return browser, next((name for sign, name in SYSTEMS if sign in agent), "")


def _browser_and_system(browser: str, system: str) -> str:
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")
