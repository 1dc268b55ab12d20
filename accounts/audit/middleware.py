"""The audit log: which models it follows, and which request made a change.

Only what people decide is followed. What stations report is not: a gateway that wrote a second row for each of their
messages would be half as fast. A save that names none of the fields below costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.audit.context import request_now


class AuditMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_now.set(request)
        try:
            return self.get_response(request)
        finally:
            request_now.reset(token)
