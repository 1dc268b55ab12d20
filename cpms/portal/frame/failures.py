"""The page for internal server errors."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

logger = logging.getLogger(__name__)


@requires_csrf_token
def server_failure(request: HttpRequest) -> HttpResponse:
    """Show the error inside the frame to signed-in users, or as a plain page if the frame fails too."""
    try:
        if request.user.is_authenticated:
            return HttpResponse(render_to_string("500.html", request=request), status=500)
    except Exception:  # the cause may break the frame too, and the error page must never fail
        logger.warning("the error page could not be rendered inside the frame")
    return server_error(request)
