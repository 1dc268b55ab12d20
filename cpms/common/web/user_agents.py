"""Where people are signed in: written down, shown, and ended from elsewhere."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cpms.common.web.formatting import DASH

NOTED = "browser"  # so begins what the audit trail keeps of one


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


def words_of(agent: str) -> str:
    """What browser it is and where it runs, as people call them."""
    return _browser_and_system(*_names_of(agent))


def noted_browser_name(noted: str) -> str:
    """The same and the address, of what the audit trail keeps in no language; what is older stays as it is."""
    if not noted.startswith(f"{NOTED}|"):
        return noted
    _noted, browser, system, address = noted.split("|")
    return f"{_browser_and_system(browser, system)} · {address or DASH}"


def _names_of(agent: str) -> tuple[str, str]:
    browser = next((name for sign, name in BROWSERS if sign in agent), "")
    return browser, next((name for sign, name in SYSTEMS if sign in agent), "")


def _browser_and_system(browser: str, system: str) -> str:
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")
