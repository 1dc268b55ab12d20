"""The navigation menu, and the tabs of the team settings and of the user's account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.access.features import feature_at, feature_off_message
from accounts.access.rights import Can
from accounts.models import User
from accounts.teams.services import current_team
from cpms.portal.frame.drivers import charges_elsewhere, is_driver


class Entry(NamedTuple):
    """A link of the menu or a tab.

    Attributes:
        name: the URL name of its page.
        families: prefixes of the URL names of pages on which the entry is marked as current.
        right: shown to users who have this right somewhere; empty: to all.
        is_for_drivers: whether it is also shown to drivers.
        is_for_teams: True: only for members of a team and staff; False: only for others; None: for both.
    """

    label: Promise
    name: str
    families: tuple[str, ...]
    right: str = Can.SEE_STATIONS
    is_for_drivers: bool = False
    is_for_teams: bool | None = None


class Section(NamedTuple):
    """A part of the menu: a single page, or several under a heading."""

    label: Promise
    icon: str
    entries: list[Entry]


OWN_CHARGING = Entry(gettext_lazy("Charging"), "portal:own", ("portal:own",), right="", is_for_drivers=True)
TEAM_TABS = [
    Entry(gettext_lazy("General"), "team:general", ("team:general", "team:features"), Can.MANAGE_TEAM),
    Entry(
        gettext_lazy("Members"),
        "accounts:teammates",
        ("accounts:teammate", "accounts:invitation_", "team:enrolment"),
        right="",
    ),
    Entry(gettext_lazy("Access"), "access:grant_list", ("access:",), right=""),
    Entry(gettext_lazy("Roles"), "portal:permissions", ("portal:permissions",), right=""),
    Entry(gettext_lazy("Security"), "team:security", ("team:security",), Can.MANAGE_TEAM),
    Entry(gettext_lazy("Branding"), "team:branding", ("team:branding",), Can.MANAGE_TEAM),
    Entry(gettext_lazy("Domain"), "team:branding_hosts", ("team:branding_hosts",), Can.MANAGE_TEAM),
    Entry(gettext_lazy("API"), "team:programs", ("team:program",), Can.MANAGE_TEAM),
    Entry(gettext_lazy("Billing"), "team:billing", ("team:billing",), Can.MANAGE_TEAM),
    Entry(gettext_lazy("Audit log"), "team:audit", ("team:audit",), Can.MANAGE_TEAM),
]
TEAM_PAGES = ("team:", *(family for tab in TEAM_TABS for family in tab.families))
ACCOUNT_TABS = [
    Entry(
        gettext_lazy("General"),
        "accounts:account",
        ("accounts:account", "accounts:email_", "accounts:password_change"),
        right="",
    ),
    Entry(
        gettext_lazy("Security"),
        "accounts:security",
        ("accounts:security", "accounts:app_", "accounts:key_", "accounts:factor_", "accounts:codes_"),
        right="",
    ),
    Entry(gettext_lazy("Notifications"), "portal:notification_choices", ("portal:notification_choices",), right=""),
    Entry(gettext_lazy("API tokens"), "accounts:api_tokens", ("accounts:api_token",), right=""),
]
ACCOUNT_PAGES = tuple(family for tab in ACCOUNT_TABS for family in tab.families)
NAVIGATION: list[Section] = [
    Section(gettext_lazy("Charging"), icon="charging-pile", entries=[OWN_CHARGING]),
    Section(
        gettext_lazy("Dashboard"),
        icon="layout-dashboard",
        entries=[Entry(gettext_lazy("Dashboard"), "portal:dashboard", ("portal:dash",), right="")],
    ),
    Section(
        gettext_lazy("ChargePoints"),
        icon="charging-pile",
        entries=[
            Entry(pgettext_lazy("navigation", "Overview"), "chargers:station_list", ("chargers:station",)),
            Entry(gettext_lazy("Authorization"), "chargers:tag_list", ("chargers:tag", "sessions:refused_tag")),
            Entry(gettext_lazy("Connectors"), "chargers:connector_list", ("chargers:connector",)),
            Entry(gettext_lazy("Installations"), "places:installation_list", ("places:",)),
        ],
    ),
    Section(
        gettext_lazy("Charging Sessions"),
        icon="bolt",
        entries=[
            Entry(gettext_lazy("Sessions"), "sessions:session_list", ("sessions:session",), Can.SEE_OWN, True),
            Entry(gettext_lazy("Energy outside sessions"), "sessions:gap_list", ("sessions:gap",), Can.SEE_SESSIONS),
        ],
    ),
    Section(
        gettext_lazy("Settings"),
        icon="settings",
        entries=[
            Entry(gettext_lazy("Users"), "portal:user_list", ("portal:user",), right=""),
            Entry(gettext_lazy("Team"), "team:general", TEAM_PAGES, right="", is_for_teams=True),
            Entry(gettext_lazy("Access"), "access:grant_list", ("access:",), "", True, is_for_teams=False),
        ],
    ),
    Section(
        gettext_lazy("Operations"),
        icon="terminal-2",
        entries=[
            *(
                Entry(label, f"operations:{name}", (f"operations:{name}",), Can.OPERATE)
                for label, name in (
                    (gettext_lazy("Remote Start Transaction"), "remote_start"),
                    (gettext_lazy("Remote Stop Transaction"), "remote_stop"),
                    (gettext_lazy("Reset"), "reset"),
                    (gettext_lazy("Change Availability"), "availability"),
                )
            ),
            Entry(gettext_lazy("Commands"), "operations:command_list", ("operations:command",)),
        ],
    ),
    Section(
        gettext_lazy("Maintenance"),
        icon="tool",
        entries=[
            Entry(gettext_lazy("Messages"), "maintenance:message_list", ("maintenance:message",), Can.SEE_MESSAGES),
            Entry(
                gettext_lazy("Refused connections"),
                "maintenance:refusal_list",
                ("maintenance:refusal",),
                Can.SEE_MESSAGES,
            ),
            Entry(
                gettext_lazy("Security events"),
                "maintenance:security_list",
                ("maintenance:security",),
                Can.SEE_MESSAGES,
            ),
            Entry(
                gettext_lazy("Protocol violations"),
                "maintenance:deviation_list",
                ("maintenance:deviat",),
                Can.SEE_MESSAGES,
            ),
        ],
    ),
    Section(
        gettext_lazy("Notifications"),
        icon="bell",
        entries=[Entry(gettext_lazy("Notifications"), "portal:notification_list", ("portal:notification",), "", True)],
    ),
    Section(
        gettext_lazy("Group Management"),
        icon="stack-2",
        entries=[Entry(gettext_lazy("Group Management"), "portal:group_list", ("portal:group",))],
    ),
]


def _why_off(user: User, name: str) -> str:
    feature = feature_at(name)
    return user.access.features_off.get(feature.key, "") if feature else ""


def is_in_team(user: User) -> bool:
    return user.is_staff or bool(user.access.roles)


def _is_shown(entry: Entry, user: User, *, only_drives: bool) -> bool:
    if entry.is_for_teams is not None and entry.is_for_teams != is_in_team(user):
        return False
    if only_drives:
        return entry.is_for_drivers
    if entry is OWN_CHARGING:
        return charges_elsewhere(user)
    return not entry.right or bool(user.access.scope(entry.right))


def entries_for(user: User) -> list[tuple[Section, list[Entry]]]:
    """Return all sections with the entries that are shown to the user."""
    only_drives = is_driver(user)
    return [
        (section, [entry for entry in section.entries if _is_shown(entry, user, only_drives=only_drives)])
        for section in NAVIGATION
    ]


def current_page(request: HttpRequest) -> str:
    """Return the URL name of the current page."""
    return request.resolver_match.view_name if request.resolver_match else ""


def _closest(here: str, entries: Iterable[Entry]) -> str:
    """Return the longest family that a page belongs to. Its entry is the current one."""
    families = {family for entry in entries for family in entry.families if here.startswith(family)}
    return max(families, key=len, default="")


def navigation(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """Return the sections of the menu, as template context; a section with a single page is a link."""
    here = current_page(request)
    if here == "portal:dashboard" and is_driver(user):  # which is the same page for drivers
        here = OWN_CHARGING.name
    is_own_account = here.startswith(ACCOUNT_PAGES)  # has its own link below the menu
    entries = [entry for section in NAVIGATION for entry in section.entries]
    family = "" if is_own_account else _closest(here, entries)
    shown = []
    for section, entries in entries_for(user):
        links = [
            {
                "label": entry.label,
                "url": _team_page(request, user) if entry.families is TEAM_PAGES else reverse(entry.name),
                "why_off": _why_off(user, entry.name),
                "is_current": family in entry.families,
            }
            for entry in entries
        ]
        if links:
            is_single = len(section.entries) == 1 and links[0]["label"] == section.label
            shown.append(section._asdict() | {"entries": links, "is_single": is_single})
    return shown


def manages_current_team(request: HttpRequest, user: User) -> bool:
    team = current_team(request)
    return user.is_staff if team is None else user.access.may(Can.MANAGE_TEAM, team)


def _team_page(request: HttpRequest, user: User) -> str:
    return reverse("team:general" if manages_current_team(request, user) else "accounts:teammates")


def team_tabs(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """Return the tabs of the current team's settings that the user may see; none for users without a team."""
    if not is_in_team(user):
        return []
    team = current_team(request)
    features_off = team.features_off if team else []
    manages = manages_current_team(request, user)
    family = _closest(current_page(request), TEAM_TABS)
    tabs = []
    for tab in TEAM_TABS:
        if tab.right and not manages:
            continue
        feature = feature_at(tab.name)
        is_off = feature is not None and feature.key in features_off
        tabs.append(_tab(tab, family, feature_off_message(feature.key) if feature and is_off else ""))
    return tabs


def account_tabs(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    """Return the tabs of the user's own account."""
    family = _closest(current_page(request), ACCOUNT_TABS)
    return [_tab(tab, family, _why_off(user, tab.name)) for tab in ACCOUNT_TABS]


def _tab(tab: Entry, family: str, why_off: str) -> dict[str, Any]:
    return {
        "label": tab.label,
        "url": reverse(tab.name),
        "is_current": family in tab.families,
        "why_off": why_off,
    }
