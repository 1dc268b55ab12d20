"""One line for each request that was refused or failed, and what every line of a request shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

from cpms.common.observability.logs import route_of


class RequestLogMiddleware(RequestMiddleware):
    """Names the route, never the path. The stack of an error is in Django's line, not in this one."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return route_of(request)

    def process_got_request_exception(self, sender: type[Any], request: HttpRequest, **kwargs: Any) -> None:
        """Logged by django.request, once."""
