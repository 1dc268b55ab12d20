"""Logs one line for each refused or failed request, and adds the request's context to every log line."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

from cpms.common.observability.logs import route_of


class RequestLogMiddleware(RequestMiddleware):
    """Logs the route, never the path. Django logs the traceback of an error in a line of its own."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return route_of(request)

    def process_got_request_exception(self, sender: type[Any], request: HttpRequest, **kwargs: Any) -> None:
        """Do nothing: django.request already logs the exception."""
