"""Middleware that runs before all others."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from maintenance.connections.services.proxies import is_unnamed_proxy, record_unnamed_proxy, should_record


class UnnamedProxyMiddleware:
    """Record addresses that send X-Forwarded-For but are not in TRUSTED_PROXIES, before the header is removed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = request.META.get("REMOTE_ADDR") or ""
        forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR", "")
        is_unnamed = address not in settings.TRUSTED_PROXIES and is_unnamed_proxy(address, forwarded_for)
        response = self.get_response(request)
        if is_unnamed and should_record(address):
            record_unnamed_proxy(address)
        return response
