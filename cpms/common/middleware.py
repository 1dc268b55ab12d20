"""Who is really asking, when a proxy stands in front of us."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class RealAddressMiddleware:
    """Believe X-Forwarded-For and -Proto only from TRUSTED_PROXIES; take them away from everybody else (S35)."""

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
