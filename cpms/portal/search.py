"""One search over everything a user may see: stations, installations, sessions, tags, users, pages.

Things that begin with the text come first, found by an index; where they are few, those that hold it anywhere follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.rights import Can
from chargers.finding import STATION_COLUMNS, TAG_COLUMNS, holds
from chargers.models import ChargingStation, Installation, Tag
from cpms.common import look
from cpms.common.pages import AuthenticatedRequest
from cpms.portal.navigation import Entry, entries_for
from sessions.models import ChargingSession
from sessions.tables import session_number

LEAST, MOST, SHOWN = 2, 80, 6
LARGEST_KEY = 2**63 - 1
MORE_PAGES: list[tuple[Promise, Entry]] = [
    (
        gettext_lazy("ChargePoints"),
        Entry(gettext_lazy("Add station"), "chargers:station_add", "", Can.ADD_STATIONS),
    ),
    (gettext_lazy("Group Management"), Entry(gettext_lazy("Make group"), "portal:group_add", "", Can.SEE_STATIONS)),
]


class Hit(NamedTuple):
    label: str
    note: str
    url: str


@dataclass
class Found:
    """What was found of one kind; `more` leads to the list that searches further."""

    title: str
    icon: str
    hits: list[Hit] = field(default_factory=list)
    more: str = ""


def search(user: User, text: str) -> list[Found]:
    """Ten queries at most, whatever there is. Only kinds of which something was found."""
    text = text.strip()[:MOST]
    if len(text) < LEAST:
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
    kinds = [_stations(stations, text), _places(user, text), _sessions(user, text, stations, found_tags)]
    kinds += [_tags(found_tags), _people(user, text), _pages(user, text)]
    return [kind for kind in kinds if kind.hits]


def _first(rows: QuerySet[Any], text: str, begins: Sequence[str], columns: Sequence[str], order: str) -> list[Any]:
    """Return the rows with a column that begins with the text, then those with columns that hold its words."""
    found = list(_begins(rows, text, *begins).order_by(order, "pk")[:SHOWN])
    if len(found) < SHOWN:
        others = rows.filter(holds(text, *columns)).exclude(pk__in=[row.pk for row in found])
        found += others.order_by(order, "pk")[: SHOWN - len(found)]
    return found


def _begins(rows: QuerySet[Any], text: str, *columns: str) -> QuerySet[Any]:
    wanted = Q()
    for column in columns:
        wanted |= Q(**{f"{column}__istartswith": text})
    return rows.filter(wanted)


def _stations(stations: list[ChargingStation], text: str) -> Found:
    hits = [Hit(station.identity, station.name, station.get_absolute_url()) for station in stations]
    return Found(_("Stations"), "charging-pile", hits, f"{reverse('chargers:station_list')}?{urlencode({'q': text})}")


def _places(user: User, text: str) -> Found:
    places = Installation.objects.visible_to(user)
    found = Found(_("Installations"), "map-pin")
    for place in _first(places, text, ("name", "city"), ("name", "street", "city"), "name"):
        page = getattr(place, "get_absolute_url", None)
        url = page() if page else f"{reverse('chargers:station_list')}?{urlencode({'q': place.name})}"
        found.hits.append(Hit(place.name, ", ".join(filter(None, [place.street, place.city])), url))
    return found


def _sessions(user: User, text: str, stations: list[ChargingStation], tags: list[Tag]) -> Found:
    """By number, as it is read aloud, and the latest at a station or with a tag that was found."""
    digits = "".join(character for character in text if not character.isspace())
    wanted = Q(tag__in=[tag.pk for tag in tags]) | Q(station__in=[station.pk for station in stations])
    if digits.isascii() and digits.isdecimal() and int(digits) <= LARGEST_KEY:
        wanted |= Q(pk=int(digits))
    rows = ChargingSession.objects.visible_to(user).filter(wanted).select_related("station")
    rows = rows.only("pk", "started_at", "id_tag", "station__identity").order_by("-started_at", "-pk")
    found = Found(_("Sessions"), "bolt", more=f"{reverse('sessions:session_list')}?{urlencode({'q': text})}")
    for session in rows[:SHOWN]:
        note = f"{session.station.identity} · {look.date_time(session.started_at)}"
        found.hits.append(Hit(session_number(session), note, session.get_absolute_url()))
    return found


def _tags(tags: list[Tag]) -> Found:
    found = Found(_("Tags"), "id")
    for tag in tags:
        page = getattr(tag, "get_absolute_url", None)
        url = page() if page else f"{reverse('sessions:session_list')}?{urlencode({'id_tag': tag.value})}"
        found.hits.append(Hit(tag.label or tag.value, tag.value if tag.label or not tag.team else tag.team.name, url))
    return found


def _people(user: User, text: str) -> Found:
    """Whom this person may manage; so far that has a page for support staff only."""
    found = Found(_("People"), "users")
    if user.is_staff:
        people = User.objects.only("pk", "email", "first_name", "last_name")
        columns = ("email", "last_name", "first_name")
        for person in _first(people, text, columns, columns, "email"):
            url = reverse("admin:accounts_user_change", args=[person.pk])
            found.hits.append(Hit(person.get_full_name(), person.email, url))
    return found


def _pages(user: User, text: str) -> Found:
    """Pages and settings by a word of their name."""
    pages = [(section.label, entry) for section, entries in entries_for(user) for entry in entries]
    more = [(section, entry) for section, entry in MORE_PAGES if not entry.right or user.scope(entry.right)]
    found = Found(_("Pages and settings"), "layout-dashboard")
    for section, entry in [*pages, *more]:
        words = f"{section} {entry.label}".casefold()
        is_fit = any(word.startswith(text.casefold()) for word in [words, *words.split()]) or text.casefold() in words
        if is_fit:
            note = str(section) if section != entry.label else ""
            found.hits.append(Hit(str(entry.label), note, reverse(entry.name, args=entry.arguments)))
    del found.hits[SHOWN:]
    return found


@login_required
@require_safe
def search_view(request: AuthenticatedRequest) -> HttpResponse:
    """The page, or the list below the search box of every page."""
    text = request.GET.get("q", "").strip()[:MOST]
    found = search(request.user, text)
    place = 0
    numbered = []
    for kind in found:
        rows = [(place + number, hit) for number, hit in enumerate(kind.hits)]
        place += len(rows)
        numbered.append((kind, rows))
    context = {"found": numbered, "count": place, "text": text, "is_short": len(text) < LEAST, "least": LEAST}
    return render(request, "portal/search.html#found" if request.htmx else "portal/search.html", context)
