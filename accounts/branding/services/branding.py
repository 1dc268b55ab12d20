"""Which team's branding a page or an e-mail carries: the per-process cache of brandings and domains.

A page has the branding of the team whose domain it was requested on; on our own domain that of the user's current team.
Nothing here queries the database more than once a minute, see cpms.common.database.process_cache.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.urls import reverse

from accounts.branding.contrast import Palette
from accounts.branding.models import Brand, BrandPicture
from accounts.teams.models import BRANDINGS, HOSTS, TeamDomain
from accounts.teams.services import current_team
from cpms.common.database.process_cache import cached, clear_cached_after_change
from cpms.common.messaging.mail import OUR_NAME, Sender

FEATURE = "branding"
STYLE = """:root, [data-bs-theme="light"] {{
  --tblr-primary: {0.accent}; --tblr-primary-rgb: {0.rgb}; --tblr-primary-fg: {0.text};
  --tblr-link-color: {0.link}; --tblr-link-color-rgb: {0.link_rgb}; --flash: rgb({0.rgb}, 16%);
}}
[data-bs-theme="dark"] {{
  --tblr-primary: {1.accent}; --tblr-primary-rgb: {1.rgb}; --tblr-primary-fg: {1.text};
  --tblr-link-color: {1.link}; --tblr-link-color-rgb: {1.link_rgb}; --flash: rgb({1.rgb}, 22%);
}}
"""
STYLE_VERSION = hashlib.sha256(STYLE.encode()).hexdigest()[
    :8
]  # part of the URL, since browsers cache a stylesheet indefinitely


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its size in pixels. It is shown at half of that size, for high-density screens."""

    key: str
    width: int
    height: int

    @property
    def address(self) -> str:
        return reverse("brand:picture", args=[self.key])

    @property
    def shown_width(self) -> int:
        return (self.width + 1) // 2

    @property
    def shown_height(self) -> int:
        return (self.height + 1) // 2


@dataclass(frozen=True)
class Branding:
    """The branding of a page or an e-mail. The defaults are our own branding."""

    team_id: int | None = None
    name: str = OUR_NAME
    light: Palette | None = None
    dark: Palette | None = None
    support_email: str = ""
    support_phone: str = ""
    imprint_url: str = ""
    pictures: dict[tuple[str, str], Picture] = field(default_factory=dict)

    @property
    def style(self) -> str:
        """Return the URL of the stylesheet with the colours; empty for the default colours."""
        return style_address(self.light, self.dark) if self.light and self.dark else ""

    @property
    def logo_light(self) -> Picture | None:
        return self.pictures.get((BrandPicture.Kind.LOGO_LIGHT, "page"))

    @property
    def logo_dark(self) -> Picture | None:
        return self.pictures.get((BrandPicture.Kind.LOGO_DARK, "page"))

    @property
    def has_logo(self) -> bool:
        return self.logo_light is not None or self.logo_dark is not None

    @property
    def icon(self) -> Picture | None:
        return self.pictures.get((BrandPicture.Kind.ICON, "32"))

    @property
    def large_icon(self) -> Picture | None:
        return self.pictures.get((BrandPicture.Kind.ICON, "180"))

    @property
    def phone_link(self) -> str:
        return "tel:" + "".join(char for char in self.support_phone if char in "+0123456789")


OUR_BRANDING = Branding()


def style_address(light: Palette, dark: Palette) -> str:
    colours = {"light": light.accent[1:], "dark": dark.accent[1:]}
    return reverse("brand:style", kwargs={"version": STYLE_VERSION, **colours})


# --- per-process caches --------------------------------------------------------------------------------------------


def brandings() -> dict[int, Branding]:
    """Return the brandings of teams that have one, by team id."""
    found: dict[int, Branding] = cached(BRANDINGS, _read_brandings)
    return found


def _read_brandings() -> dict[int, Branding]:
    rows = Brand.objects.select_related("team")
    brands = {row.team_id: row for row in rows if row.team.has_feature(FEATURE)}
    pictures: dict[int, dict[tuple[str, str], Picture]] = {team: {} for team in brands}
    if brands:
        columns = BrandPicture.objects.values_list("team_id", "kind", "size", "key", "width", "height")
        for team, kind, size, key, width, height in columns.filter(team__in=brands):
            pictures[team][kind, size] = Picture(key, width, height)
    return {team: branding_from(row, pictures[team]) for team, row in brands.items()}


def branding_from(brand: Brand, pictures: dict[tuple[str, str], Picture]) -> Branding:
    light, dark = brand.palettes() or (None, None)
    return Branding(
        team_id=brand.team_id,
        name=brand.portal_name or OUR_NAME,
        light=light,
        dark=dark,
        support_email=brand.support_email,
        support_phone=brand.support_phone,
        imprint_url=brand.imprint_url,
        pictures=pictures,
    )


@dataclass(frozen=True, slots=True)
class TeamHost:
    """A domain that a team has proved to be its own."""

    team_id: int
    is_linked: bool  # whether it points to us, so that links may use it


def hosts() -> dict[str, TeamHost]:
    """Return the host names (lower case, ASCII) that teams have proved to be their own."""
    found: dict[str, TeamHost] = cached(HOSTS, _read_hosts)
    return found


def _read_hosts() -> dict[str, TeamHost]:
    rows = TeamDomain.objects.filter(purpose=TeamDomain.Purpose.PORTAL, proved_at__isnull=False)
    return {
        row.domain: TeamHost(row.team_id, row.points_here)
        for row in rows.select_related("team").order_by("proved_at", "pk")
        if row.team.has_feature(FEATURE) and not is_ours(row.domain)
    }


def clear_branding_cache() -> None:
    clear_cached_after_change(BRANDINGS, HOSTS)


# --- hosts ---------------------------------------------------------------------------------------------------------


def is_ours(host: str) -> bool:
    """Return whether a host name belongs to the site itself and not to a team."""
    patterns = [pattern for pattern in settings.ALLOWED_HOSTS if pattern != "*"]
    return validate_host(host, [*patterns, main_host()])


def main_host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"


def team_host(raw: str) -> TeamHost | None:
    """Return the team's domain in a Host header, with or without port; None if it is ours or unknown."""
    host = split_domain_port(raw)[0].removesuffix(".")
    if not host or validate_host(host, [pattern for pattern in settings.ALLOWED_HOSTS if pattern != "*"]):
        return None
    return hosts().get(host)


def host_team_id(request: Any) -> int | None:
    """Return the id of the team whose own domain was requested, as set by HostMiddleware; None on our own."""
    return getattr(request, "host_team_id", None)


def site_address(team_id: int | None) -> str:
    """Return the base URL of the portal for a team: its first domain that points to us, or PUBLIC_URL."""
    own = next((name for name, host in hosts().items() if host.team_id == team_id and host.is_linked), None)
    if team_id is None or own is None:
        return settings.PUBLIC_URL
    main = urlsplit(settings.PUBLIC_URL)
    return f"{main.scheme}://{own}:{main.port}" if main.port else f"{main.scheme}://{own}"


# --- which branding ------------------------------------------------------------------------------------------------


def branding_of_team(team_id: int | None) -> Branding:
    return brandings().get(team_id, OUR_BRANDING) if team_id is not None else OUR_BRANDING


def branding_for_request(request: HttpRequest) -> Branding:
    """Return the branding of a page: of the domain's team, or else of the user's current team."""
    team_id = host_team_id(request)
    if team_id is not None:
        return branding_of_team(team_id)
    user = getattr(request, "user", None)
    if not brandings() or user is None or not user.is_authenticated:
        return OUR_BRANDING
    team = current_team(request)
    return branding_of_team(team.pk if team else None)


def sender_for_team(team_id: int | None) -> Sender:
    """Return the sender of e-mails with a team's branding. One query if it has a logo."""
    branding = branding_of_team(team_id)
    fields: dict[str, Any] = {"name": branding.name, "site": site_address(team_id), "reply_to": branding.support_email}
    if branding.light:
        fields |= {"accent": branding.light.accent, "text": branding.light.text, "words": branding.light.link}
    kind = BrandPicture.Kind.LOGO_LIGHT if branding.logo_light else BrandPicture.Kind.LOGO_DARK
    picture = branding.pictures.get((kind, "mail"))
    if picture is not None:
        content = BrandPicture.objects.filter(key=picture.key).values_list("content", flat=True).first()
        if content is not None:
            size = {"logo_width": picture.shown_width, "logo_height": picture.shown_height}
            fields |= {"logo": bytes(content), "logo_on_dark": not branding.logo_light, **size}
    return Sender(**fields)
