"""The page for a fault on our side."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

logger = logging.getLogger(__name__)


@requires_csrf_token
def server_failure(request: HttpRequest) -> HttpResponse:
    """Show the fault inside the frame for who is signed in; plainly where the frame cannot be made either."""
    try:
        if request.user.is_authenticated:
            return HttpResponse(render_to_string("500.html", request=request), status=500)
    except Exception:  # whatever broke the page may break the frame, and a page about it must never fail
        logger.warning("the frame of a failed page could not be made")
    return server_error(request)
