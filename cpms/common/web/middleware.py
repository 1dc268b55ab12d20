"""Who is really asking, what is refused before anybody looks at it, and who may keep an answer."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _


class RealAddressMiddleware:
    """Believe X-Forwarded-For and -Proto only from TRUSTED_PROXIES; remove them from everybody else's requests."""

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
    """400 for an address with more parameters than Django reads; whoever looked at them would fail."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        if request.META.get("QUERY_STRING", "").count("&") < most:
            return self.get_response(request)
        detail = _("The address has more than %(most)d parameters.") % {"most": most}
        if not request.path.startswith(API):
            return HttpResponse(detail, status=400, content_type="text/plain; charset=utf-8")
        facts = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": detail}
        return JsonResponse(facts | {"instance": request.path}, status=400, content_type="application/problem+json")


class PrivateMiddleware:
    """No proxy and no browser keeps an answer, unless its view says otherwise: nearly all of them are one person's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        if request.path.startswith(API):
            patch_vary_headers(response, ["Authorization"])
        return response
