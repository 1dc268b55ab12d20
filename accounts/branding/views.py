"""Stylesheets and pictures of a branding, and the check of host names for certificates."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.branding.contrast import DARK, LIGHT
from accounts.branding.models import BrandPicture
from accounts.branding.services.branding import STYLE, STYLE_VERSION, host_team_id, hosts, is_ours

IMMUTABLE = "public, max-age=31536000, immutable"


@require_safe
def style(request: HttpRequest, version: str, light: str, dark: str) -> HttpResponse:
    """Return a stylesheet with the colours in the URL. It reveals nothing about any team, so it needs no permission."""
    accents = f"#{light}", f"#{dark}"
    if not (LIGHT.passes(accents[0]) and DARK.passes(accents[1])):
        raise Http404
    text = STYLE.format(LIGHT.palette(accents[0]), DARK.palette(accents[1]))
    is_same = version == STYLE_VERSION  # otherwise another version of the code rendered the page
    return HttpResponse(text, content_type="text/css", headers={"Cache-Control": IMMUTABLE if is_same else "no-cache"})


@require_safe
def picture(request: HttpRequest, key: str) -> HttpResponse:
    """Return a picture of a branding. A team's domain serves only pictures of this team."""
    rows = BrandPicture.objects.filter(key=key)
    if (team := host_team_id(request)) is not None:
        rows = rows.filter(team=team)
    found = get_object_or_404(rows)
    return HttpResponse(
        bytes(found.content),
        content_type="image/png",
        headers={
            "Cache-Control": IMMUTABLE,
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_safe
def certificate_allowed(request: HttpRequest) -> HttpResponse:
    """Answer 200 if a proxy may request a certificate for ?domain=: for our own hosts and proved domains of teams."""
    host = request.GET.get("domain", "").strip().rstrip(".").lower()
    if not host or not (is_ours(host) or host in hosts()):
        raise Http404
    return HttpResponse("ok\n", content_type="text/plain")
