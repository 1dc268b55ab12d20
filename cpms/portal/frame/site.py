"""Language, privacy settings and imprint: pages for all visitors, signed in or not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from cpms.common.text.typed import whole_number
from cpms.portal.frame import services
from cpms.portal.models import SiteHook, SiteText, hooks_offered, site_text

COOKIE = "privacy"
COOKIE_SECONDS = int(timedelta(days=180).total_seconds())


def allowed_hooks(request: HttpRequest) -> list[SiteHook]:
    """Return the third-party tools that the visitor has allowed; none by default."""
    offered = hooks_offered()
    if not offered:
        return []
    if request.user.is_authenticated:
        chosen = set(SiteHook.objects.filter(choices__user=request.user).values_list("pk", flat=True))
    else:
        parts = request.COOKIES.get(COOKIE, "").split(".")
        chosen = {key for part in parts if (key := whole_number(part, max_digits=9)) is not None}
    return [hook for hook in offered if hook.pk in chosen]


class HookMiddleware:
    """Adds the allowed third-party tools, and no others, to the content security policy of pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.hooks = SimpleLazyObject(lambda: allowed_hooks(request))  # type: ignore[attr-defined]
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and not request.path.startswith("/admin/") and (hooks := list(request.hooks)):  # type: ignore[attr-defined]
            scripts = sorted({hook.sources[0] for hook in hooks})
            others = sorted({source for hook in hooks for source in hook.sources})
            response._csp_update = {  # type: ignore[attr-defined]
                "script-src": scripts, "connect-src": others, "img-src": others,
            }  # fmt: skip
        return response


def _back(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", "")
    is_safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if is_safe else "portal:dashboard")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("language", "")
    if chosen not in dict(settings.LANGUAGES):
        raise Http404
    if request.user.is_authenticated:
        services.choose_language(user=request.user, language=chosen)
    response = _back(request)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=COOKIE_SECONDS,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_POST
def privacy(request: HttpRequest) -> HttpResponse:
    """Save the selected third-party tools as the only allowed ones."""
    ticked = set(request.POST.getlist("hook"))
    hooks = [hook for hook in hooks_offered() if str(hook.pk) in ticked]
    response = _back(request)
    if request.user.is_authenticated:
        services.allow_hooks(user=request.user, hooks=hooks)
    chosen = ".".join(str(hook.pk) for hook in hooks)
    response.set_cookie(COOKIE, chosen, max_age=COOKIE_SECONDS, secure=settings.IS_HTTPS, httponly=True, samesite="Lax")
    return response


@require_safe
def imprint(request: HttpRequest) -> HttpResponse:
    context = {"text": site_text(SiteText.Kind.IMPRINT), "host": request.get_host()}
    return render(request, "portal/frame/imprint.html", context)
