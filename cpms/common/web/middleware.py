"""Middleware for the real client address, a limit of query parameters, and cache headers."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _


class RealAddressMiddleware:
    """Applies X-Forwarded-For and -Proto of TRUSTED_PROXIES, and removes these headers from all requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if meta.get("REMOTE_ADDR") in settings.TRUSTED_PROXIES:
            hops = [hop.strip() for hop in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
            for hop in reversed(hops):
                meta["REMOTE_ADDR"] = hop
                if hop not in settings.TRUSTED_PROXIES:
                    break
            if meta.get("HTTP_X_FORWARDED_PROTO") == "https":
                request.scope["scheme"] = "https"  # type: ignore[attr-defined]
                meta["wsgi.url_scheme"] = "https"
        for name in ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"):
            meta.pop(name, None)
        return self.get_response(request)


API = "/api/"


class ParameterLimitMiddleware:
    """Answers 400 to a URL with more parameters than Django accepts: any view that reads them would fail."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        if request.META.get("QUERY_STRING", "").count("&") < limit:
            return self.get_response(request)
        detail = _("The URL has more than %(most)d parameters.") % {"most": limit}
        if not request.path.startswith(API):
            return HttpResponse(detail, status=400, content_type="text/plain; charset=utf-8")
        problem = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": detail}
        return JsonResponse(problem | {"instance": request.path}, status=400, content_type="application/problem+json")


class PrivateMiddleware:
    """Forbids proxies and browsers to cache responses, unless a view sets Cache-Control: nearly all are personal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        if request.path.startswith(API):
            patch_vary_headers(response, ["Authorization"])
        return response
