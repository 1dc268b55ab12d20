"""The style guide: a page with every component."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cpms.portal.styleguide.samples import samples


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in every state. For developers, so only with DEBUG."""
    if not settings.DEBUG:
        raise Http404
    return render(request, "portal/styleguide/styleguide.html", samples())
