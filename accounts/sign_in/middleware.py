"""Whose domain it is, the person's language and time zone for the page, and functions his teams go without."""

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.access.features import feature_at
from accounts.branding.services.looks import host_team_id, team_host_of
from accounts.sign_in.services import browsers, factors, host_sessions
from cpms.common.api.base import PROBLEM
from cpms.common.web import formatting


class HostMiddleware:
    """Serve the domains that teams have proved to be their own, besides ALLOWED_HOSTS. Django refuses every other host
    as soon as the host name is read.

    What concerns the whole site stays on our own domain: the admin, and security headers that bind all subdomains. A
    team's domain may have subdomains that are not ours to bind.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        named = request.META.get("HTTP_HOST", "")
        own = team_host_of(named)
        request.host_team_id = own.team_id if own else None  # type: ignore[attr-defined]
        if own is None:
            return self.get_response(request)
        request.get_host = lambda: named  # type: ignore[method-assign]
        if request.path.startswith("/admin/"):
            return redirect(f"{settings.PUBLIC_URL}{request.get_full_path()}")
        response = self.get_response(request)
        if "Strict-Transport-Security" in response:
            response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response


class PersonMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and not host_sessions.is_in_place(request):
            site = settings.PUBLIC_URL if user.is_staff else ""
            logout(request)  # who may see all teams does not stay where one team decides to whom the name leads
            return redirect(f"{site}{reverse('accounts:login')}")
        if user.is_authenticated:
            host_sessions.limit(user, request.session)
        if user.is_authenticated and user.language:
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language()
        zone = (user.time_zone if user.is_authenticated else "") or settings.DISPLAY_TIME_ZONE
        try:
            timezone.activate(zoneinfo.ZoneInfo(zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            timezone.activate(zoneinfo.ZoneInfo(settings.DISPLAY_TIME_ZONE))
        dates, numbers = (user.date_format, user.number_format) if user.is_authenticated else ("", "")
        try:
            with formatting.use_formats(dates, numbers):
                return self.get_response(request)
        finally:
            timezone.deactivate()


def _refused(request: HttpRequest, detail: str) -> HttpResponse:
    """A problem, as the API tells one."""
    facts = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": detail}
    return JsonResponse(facts | {"instance": request.path}, status=403, content_type=PROBLEM)


class HostSessionMiddleware:
    """Pages of the account as a whole are at our own address only, see accounts.host_sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match, user = request.resolver_match, request.user
        if not user.is_authenticated or user.access.only_team_id is None:
            return None
        if match is None or match.view_name not in host_sessions.ACCOUNT_WIDE:
            return None
        if match.view_name.startswith("api:"):
            return _refused(request, _("Sign in at %(site)s for this.") % {"site": settings.PUBLIC_URL})
        if host_team_id(request) is None:  # somebody took the session's key along to our own address
            raise PermissionDenied
        path = request.path if request.method == "GET" else reverse("accounts:account")
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": f"{settings.PUBLIC_URL}{path}"})
        return redirect(f"{settings.PUBLIC_URL}{path}")


class SecondFactorMiddleware:
    """Notes that a browser was seen, and leads who needs a second factor and has none to its set-up, to nothing else.

    A key of a program is not asked: making one demands the factor.
    """

    open_names = frozenset(
        {
            "accounts:security",
            "accounts:app_add",
            "accounts:key_add",
            "accounts:confirm",
            "accounts:logout",
            "accounts:login",
            "accounts:passkey_login",
            "accounts:captcha_challenge",
            "accounts:theme",
            "portal:language",
            "portal:privacy",
            "portal:imprint",
            "health",
        }
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            browsers.note_seen(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match, user = request.resolver_match, request.user
        name = match.view_name if match else ""
        if not user.is_authenticated or name in self.open_names:
            return None
        if not user.access.must_have_second_factor or factors.has_factor(user):
            return None
        address = reverse("accounts:security")
        if name.startswith("api:"):
            return _refused(request, factors.set_up_first(user))
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": address})
        return redirect(address)


class FeatureMiddleware:
    """Refuse the pages of a feature that is switched off in all of the user's teams, and say why."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match, user = request.resolver_match, request.user
        feature = feature_at(match.view_name) if match else None
        if feature is None or match.namespace == "api" or not user.is_authenticated:  # type: ignore[union-attr]
            return None
        sentence = user.access.features_off.get(feature.key)
        return (
            render(request, "accounts/teams/feature_off.html", {"sentence": sentence}, status=403) if sentence else None
        )
