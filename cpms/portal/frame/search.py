"""One search over everything a user may see: stations, installations, sessions, tags, users, pages and settings.

Rows with a column that starts with the text come first, found by an index. If they are few, rows that contain the
words of the text follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Case, Q, QuerySet, Value, When
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.access.rights import Can
from accounts.members.services.people import users_managed_by
from accounts.models import User
from chargers.models import ChargingStation, Installation, Tag
from chargers.stations.services.finding import STATION_COLUMNS, contains_words
from chargers.tags.services.finding import TAG_COLUMNS
from cpms.common.web import formatting
from cpms.common.web.pages import AuthenticatedRequest
from cpms.portal.frame.drivers import is_driver
from cpms.portal.frame.navigation import ACCOUNT_TABS, TEAM_TABS, entries_for, is_in_team
from cpms.portal.frame.recent import recent_stations
from sessions.models import ChargingSession

MIN_LENGTH, MAX_LENGTH, MAX_HITS, MAX_PAGES = 2, 80, 6, 8
MAX_KEY = 2**63 - 1


class Page(NamedTuple):
    """A page, or a setting on one."""

    label: Promise
    section: Promise
    name: str
    right: str = ""  # needed somewhere to use the page
    is_for_drivers: bool = False


TEAM, ACCOUNT = gettext_lazy("Team settings"), gettext_lazy("Your account")
MORE_PAGES = [
    Page(gettext_lazy("Add station"), gettext_lazy("Stations"), "chargers:station_add", Can.ADD_STATIONS),
    Page(gettext_lazy("Add group"), gettext_lazy("Group Management"), "portal:group_add", Can.SEE_STATIONS),
    Page(gettext_lazy("Station passwords"), TEAM, "team:general", Can.MANAGE_TEAM),
    Page(gettext_lazy("Features of your plan"), TEAM, "team:general", Can.MANAGE_TEAM),
    Page(gettext_lazy("Invite a member"), TEAM, "accounts:teammates", Can.MANAGE_TEAM),
    Page(gettext_lazy("Automatic enrolment"), TEAM, "team:enrolment", Can.MANAGE_TEAM),
    Page(gettext_lazy("Require two-factor authentication"), TEAM, "team:security", Can.MANAGE_TEAM),
    Page(gettext_lazy("Portal name, logo and colours"), TEAM, "team:branding", Can.MANAGE_TEAM),
    Page(gettext_lazy("Invoice address and VAT number"), TEAM, "team:billing", Can.MANAGE_TEAM),
    Page(gettext_lazy("Language, time zone and appearance"), ACCOUNT, "accounts:account", "", True),
    Page(gettext_lazy("E-mail address"), ACCOUNT, "accounts:email_change", "", True),
    Page(gettext_lazy("Change password"), ACCOUNT, "accounts:password_change", "", True),
    Page(gettext_lazy("Two-factor authentication and passkeys"), ACCOUNT, "accounts:security", "", True),
    Page(gettext_lazy("Devices where you are signed in"), ACCOUNT, "accounts:security", "", True),
    Page(gettext_lazy("Download your data"), ACCOUNT, "accounts:account", "", True),
]


class Hit(NamedTuple):
    label: str
    note: str
    url: str


@dataclass
class Found:
    """The results of one kind. `more` is the address of the list with all results."""

    title: str
    icon: str
    hits: list[Hit] = field(default_factory=list)
    more: str = ""


def search(user: User, text: str) -> list[Found]:
    """Return the results by kind, without empty kinds, with ten queries at most."""
    text = text.strip()[:MAX_LENGTH]
    if len(text) < MIN_LENGTH:
        return []
    tags = Tag.objects.visible_to(user).select_related("team")
    found_tags = _first(tags, text, ("value", "label"), TAG_COLUMNS, "value")
    stations = _first(
        ChargingStation.objects.visible_to(user).only("pk", "identity", "name"),
        text,
        ("identity", "name", "serial_number"),
        STATION_COLUMNS,
        "identity",
    )
    kinds = [_stations(stations, text), _installations(user, text), _sessions(user, text, stations, found_tags)]
    kinds += [_tags(found_tags), _users(user, text), _pages(user, text)]
    return [kind for kind in kinds if kind.hits]


def _first(rows: QuerySet[Any], text: str, prefixed: Sequence[str], columns: Sequence[str], order: str) -> list[Any]:
    """Return the first matches: rows with a `prefixed` column that starts with the text, then rows whose `columns`
    contain its words."""
    found = list(_starting_with(rows, text, *prefixed).order_by(order, "pk")[:MAX_HITS])
    if len(found) < MAX_HITS:
        others = rows.filter(contains_words(text, *columns)).exclude(pk__in=[row.pk for row in found])
        found += others.order_by(order, "pk")[: MAX_HITS - len(found)]
    return found


def _first_of_few(
    rows: QuerySet[Any], text: str, prefixed: Sequence[str], columns: Sequence[str], order: str
) -> list[Any]:
    """Return the same as `_first` by one query, for tables of which a user sees few rows."""
    begins = _begins_with(text, prefixed)
    found = rows.filter(begins | contains_words(text, *columns))
    return list(found.order_by(Case(When(begins, then=Value(0)), default=Value(1)), order, "pk")[:MAX_HITS])


def _starting_with(rows: QuerySet[Any], text: str, *columns: str) -> QuerySet[Any]:
    return rows.filter(_begins_with(text, columns))


def _begins_with(text: str, columns: Sequence[str]) -> Q:
    condition = Q()
    for column in columns:
        condition |= Q(**{f"{column}__istartswith": text})
    return condition


def _stations(stations: list[ChargingStation], text: str) -> Found:
    hits = [Hit(station.identity, station.name, station.get_absolute_url()) for station in stations]
    return Found(
        _("Stations"),
        icon="charging-pile",
        hits=hits,
        more=f"{reverse('chargers:station_list')}?{urlencode({'q': text})}",
    )


def _installations(user: User, text: str) -> Found:
    rows = Installation.objects.visible_to(user)
    found = Found(_("Installations"), icon="map-pin")
    for row in _first_of_few(rows, text, ("name", "city"), ("name", "street", "city"), "name"):
        page = getattr(row, "get_absolute_url", None)
        url = page() if page else f"{reverse('chargers:station_list')}?{urlencode({'q': row.name})}"
        found.hits.append(Hit(row.name, ", ".join(filter(None, [row.street, row.city])), url))
    return found


def _sessions(user: User, text: str, stations: list[ChargingStation], tags: list[Tag]) -> Found:
    """Return the session with this number, with or without spaces, and the newest at the found stations or with the
    found tags."""
    digits = "".join(character for character in text if not character.isspace())
    condition = Q(tag__in=[tag.pk for tag in tags]) | Q(station__in=[station.pk for station in stations])
    if digits.isascii() and digits.isdecimal() and int(digits) <= MAX_KEY:
        condition |= Q(pk=int(digits))
    rows = ChargingSession.objects.visible_to(user).filter(condition).select_related("station")
    rows = rows.only("pk", "started_at", "id_tag", "station__identity").order_by("-started_at", "-pk")
    found = Found(_("Sessions"), icon="bolt", more=f"{reverse('sessions:session_list')}?{urlencode({'q': text})}")
    for session in rows[:MAX_HITS]:
        note = f"{session.station.identity} · {formatting.date_time(session.started_at)}"
        found.hits.append(Hit(formatting.grouped(session.pk), note, session.get_absolute_url()))
    return found


def _tags(tags: list[Tag]) -> Found:
    found = Found(_("Tags"), icon="id")
    for tag in tags:
        page = getattr(tag, "get_absolute_url", None)
        url = page() if page else f"{reverse('sessions:session_list')}?{urlencode({'id_tag': tag.value})}"
        found.hits.append(Hit(tag.label or tag.value, tag.value if tag.label or not tag.team else tag.team.name, url))
    return found


def _users(user: User, text: str) -> Found:
    """Return users: for support staff all, for administrators the members of their teams."""
    columns = ("email", "last_name", "first_name")
    if user.is_staff:
        route, rows = "admin:accounts_user_change", _first(_names(User.objects.all()), text, columns, columns, "email")
    elif user.access.scope(Can.MANAGE_TEAM):
        members = _names(users_managed_by(user))
        route, rows = "portal:user_edit", _first_of_few(members, text, columns, columns, "email")
    else:
        route, rows = "", []
    hits = [Hit(row.get_full_name(), row.email, reverse(route, args=[row.pk])) for row in rows]
    return Found(_("Users"), icon="users", hits=hits)


def _names(users: QuerySet[User]) -> QuerySet[User]:
    return users.only("pk", "email", "first_name", "last_name")


def _all_pages(user: User) -> list[Page]:
    """Return all pages and settings that the user may open, those of the menu first."""
    pages = [
        Page(entry.label, section.label, entry.name)
        for section, entries in entries_for(user)
        for entry in entries
        if entry.name != "team:general"  # its tabs follow
    ]
    if is_in_team(user):
        pages += [Page(tab.label, TEAM, tab.name, tab.right) for tab in TEAM_TABS]
    pages += [Page(tab.label, ACCOUNT, tab.name, "", True) for tab in ACCOUNT_TABS]
    only_drives = is_driver(user)
    more = [page for page in MORE_PAGES if page.is_for_drivers or not only_drives]
    return [page for page in [*pages, *more] if not page.right or user.access.scope(page.right)]


def _pages(user: User, text: str) -> Found:
    """Return pages and settings that match all words of the text by label, then those that match with their section."""
    found = Found(_("Pages and settings"), icon="layout-dashboard")
    words = text.casefold().split()
    by_section = []
    for page in _all_pages(user):
        label, section = str(page.label), str(page.section)
        hit = Hit(label, section if section != label else "", reverse(page.name))
        if all(word in label.casefold() for word in words):
            found.hits.append(hit)
        elif all(word in f"{section} {label}".casefold() for word in words):
            by_section.append(hit)
    found.hits = [*found.hits, *by_section][:MAX_PAGES]
    return found


def suggestions(user: User, stations: Sequence[int] = ()) -> list[Found]:
    """Return what the search box offers before anything is typed: the stations opened last, then pages.

    Args:
        stations: primary keys of the stations opened last; those that the user can no longer see are left out.
    """
    hits = [Hit(str(page.label), str(page.section), reverse(page.name)) for page in _all_pages(user)]
    hits = [hit._replace(note="") if hit.label == hit.note else hit for hit in hits]
    pages = Found(_("Go to"), icon="layout-dashboard", hits=hits[:MAX_PAGES])
    return [kind for kind in (_recent_stations(user, stations), pages) if kind.hits]


def _recent_stations(user: User, keys: Sequence[int]) -> Found:
    found = Found(_("Recent stations"), icon="charging-pile")
    if keys:
        visible = ChargingStation.objects.visible_to(user).only("pk", "identity", "name").in_bulk(keys)
        stations = [visible[key] for key in keys if key in visible]
        found.hits = [Hit(station.identity, station.name, station.get_absolute_url()) for station in stations]
    return found


@login_required
@require_safe
def search_view(request: AuthenticatedRequest) -> HttpResponse:
    """Show the search page, or the list below the search box of every page."""
    text = request.GET.get("q", "").strip()[:MAX_LENGTH]
    is_short = len(text) < MIN_LENGTH
    if is_short and request.htmx:
        found = suggestions(request.user, recent_stations(request.session))
    else:
        found = search(request.user, text)
    count = 0
    numbered = []
    for kind in found:
        rows = [(count + number, hit) for number, hit in enumerate(kind.hits)]
        count += len(rows)
        numbered.append((kind, rows))
    context = {"found": numbered, "count": count, "text": text, "is_short": is_short, "min_length": MIN_LENGTH}
    return render(request, "portal/frame/search.html#found" if request.htmx else "portal/frame/search.html", context)
