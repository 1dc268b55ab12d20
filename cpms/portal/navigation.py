"""The navigation menu: sections of pages, each shown to users who have something there."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.features import feature_at
from accounts.models import User
from accounts.rights import Can
from cpms.portal.drivers import charges_elsewhere, is_driver


class Entry(NamedTuple):
    label: Promise
    name: str  # of its page; the entry is also current on pages whose name begins like `family`
    family: str
    right: str = Can.SEE_STATIONS  # who holds it nowhere has nothing there
    arguments: tuple[str, ...] = ()
    is_for_drivers: bool = False  # also for who only charges at stations of others


class Section(NamedTuple):
    """A place of its own, or several below one word."""

    label: Promise
    icon: str
    entries: list[Entry]


OWN_CHARGING = Entry(gettext_lazy("Charging"), "portal:own", "portal:own", right="", is_for_drivers=True)
NAVIGATION: list[Section] = [
    Section(gettext_lazy("Charging"), icon="charging-pile", entries=[OWN_CHARGING]),
    Section(
        gettext_lazy("Dashboard"),
        icon="layout-dashboard",
        entries=[Entry(gettext_lazy("Dashboard"), "portal:dashboard", "portal:dash", right="")],
    ),
    Section(
        gettext_lazy("ChargePoints"),
        icon="charging-pile",
        entries=[
            Entry(pgettext_lazy("navigation", "Overview"), "chargers:station_list", "chargers:station"),
            Entry(gettext_lazy("Authorization"), "chargers:tag_list", "chargers:tag"),
            Entry(gettext_lazy("Connectors"), "chargers:connector_list", "chargers:connector"),
            Entry(gettext_lazy("Installations"), "places:installation_list", "places:"),
        ],
    ),
    Section(
        gettext_lazy("Charging Sessions"),
        icon="bolt",
        entries=[
            Entry(gettext_lazy("Sessions"), "sessions:session_list", "sessions:session", Can.SEE_OWN, (), True),
            Entry(gettext_lazy("Missing energy"), "sessions:gap_list", "sessions:gap", Can.SEE_SESSIONS),
        ],
    ),
    Section(
        gettext_lazy("Settings"),
        icon="settings",
        entries=[
            Entry(gettext_lazy("Users"), "portal:user_list", "portal:user", right=""),
            Entry(gettext_lazy("Team"), "team:general", "team:", Can.MANAGE_TEAM),
            Entry(gettext_lazy("Billing details"), "team:billing", "team:billing", Can.MANAGE_TEAM),
            Entry(gettext_lazy("Teammates"), "accounts:teammates", "accounts:teammate", right=""),
            Entry(gettext_lazy("Access"), "access:grant_list", "access:", "", (), True),
            Entry(gettext_lazy("Permissions"), "portal:permissions", "portal:permissions", right=""),
            Entry(gettext_lazy("Audit trail"), "team:audit", "team:audit", Can.MANAGE_TEAM),
            Entry(gettext_lazy("API tokens"), "accounts:api_tokens", "accounts:api_token", "", (), True),
        ],
    ),
    Section(
        gettext_lazy("Operations"),
        icon="terminal-2",
        entries=[
            *(
                Entry(label, f"operations:{name}", f"operations:{name}", Can.OPERATE)
                for label, name in (
                    (gettext_lazy("Remote Start Transaction"), "remote_start"),
                    (gettext_lazy("Remote Stop Transaction"), "remote_stop"),
                    (gettext_lazy("Reset"), "reset"),
                    (gettext_lazy("Change Availability"), "availability"),
                )
            ),
            Entry(gettext_lazy("Commands"), "operations:command_list", "operations:command"),
        ],
    ),
    Section(
        gettext_lazy("Maintenance"),
        icon="tool",
        entries=[
            Entry(gettext_lazy("Messages"), "maintenance:message_list", "maintenance:message", Can.SEE_MESSAGES),
            Entry(
                gettext_lazy("Refused connections"), "maintenance:refusal_list", "maintenance:refusal", Can.SEE_MESSAGES
            ),
            Entry(
                gettext_lazy("Security events"), "maintenance:security_list", "maintenance:security", Can.SEE_MESSAGES
            ),
            Entry(
                gettext_lazy("Protocol violations"),
                "maintenance:deviation_list",
                "maintenance:deviat",
                Can.SEE_MESSAGES,
            ),
        ],
    ),
    Section(
        gettext_lazy("Notifications"),
        icon="bell",
        entries=[Entry(gettext_lazy("Notifications"), "portal:notification_list", "portal:notification", "", (), True)],
    ),
    Section(
        gettext_lazy("Group Management"),
        icon="stack-2",
        entries=[Entry(gettext_lazy("Group Management"), "portal:group_list", "portal:group")],
    ),
]


def _why_off(user: User, name: str) -> str:
    feature = feature_at(name)
    return user.features_off.get(feature.key, "") if feature else ""


def entries_for(user: User) -> list[tuple[Section, list[Entry]]]:
    """Return the sections with the entries behind which this person has something."""
    only_drives = is_driver(user)
    sections = []
    for section in NAVIGATION:
        entries = [
            entry
            for entry in section.entries
            if (entry.is_for_drivers or not only_drives)
            and (only_drives or entry is not OWN_CHARGING or charges_elsewhere(user))
            and (not entry.right or (only_drives and entry.is_for_drivers) or user.scope(entry.right))
        ]
        sections.append((section, entries))
    return sections


def navigation(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """Sections with what this person may use; one with a single page is a link by itself."""
    match = request.resolver_match
    here = match.view_name if match else ""
    if here == "portal:dashboard" and is_driver(user):  # it shows them the same
        here = OWN_CHARGING.name
    arguments = tuple(str(value) for value in match.kwargs.values()) if match else ()
    families = [entry.family for section in NAVIGATION for entry in section.entries if here.startswith(entry.family)]
    family = max(families, key=len, default=None)  # the closest one
    told = []
    for section, shown in entries_for(user):
        entries = [
            {
                "label": entry.label,
                "url": reverse(entry.name, args=entry.arguments),
                "why_off": _why_off(user, entry.name),
                "is_current": entry.family == family and arguments[: len(entry.arguments)] == entry.arguments,
            }
            for entry in shown
        ]
        if entries:
            is_single = len(section.entries) == 1 and entries[0]["label"] == section.label
            is_current = any(entry["is_current"] for entry in entries)
            told.append(section._asdict() | {"entries": entries, "is_single": is_single, "is_current": is_current})
    return told
