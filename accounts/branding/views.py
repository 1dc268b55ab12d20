"""A team's branding: its settings pages, and the stylesheet and pictures that every page fetches."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.branding.contrast import DARK, LIGHT
from accounts.branding.models import BrandPicture
from accounts.branding.services.looks import STYLE, STYLE_MADE, host_team_id, hosts, is_ours

FOR_EVER = "public, max-age=31536000, immutable"


# --- what pages fetch, logged in or not ---------------------------------------------------------------------------


@require_safe
def style(request: HttpRequest, made: str, light: str, dark: str) -> HttpResponse:
    """The colours in the address, as a stylesheet. It says nothing of any team, so there is nothing to ask for."""
    accents = f"#{light}", f"#{dark}"
    if not (LIGHT.passes(accents[0]) and DARK.passes(accents[1])):
        raise Http404
    text = STYLE.format(LIGHT.palette(accents[0]), DARK.palette(accents[1]))
    is_same = made == STYLE_MADE  # else another version of us wrote the page
    return HttpResponse(text, content_type="text/css", headers={"Cache-Control": FOR_EVER if is_same else "no-cache"})


@require_safe
def picture(request: HttpRequest, key: str) -> HttpResponse:
    """A picture of a team's look; on a team's domain only its own. What was replaced is gone."""
    rows = BrandPicture.objects.filter(key=key)
    if (team := host_team_id(request)) is not None:
        rows = rows.filter(team=team)
    found = get_object_or_404(rows)
    return HttpResponse(
        bytes(found.content),
        content_type="image/png",
        headers={
            "Cache-Control": FOR_EVER,
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """Whether a proxy may get a certificate for ?domain=: 200 for our own hosts and those that teams have proved."""
    host = request.GET.get("domain", "").strip().rstrip(".").lower()
    if not host or not (is_ours(host) or host in hosts()):
        raise Http404
    return HttpResponse("ok\n", content_type="text/plain")
