"""Middleware for team domains, the user's language and time zone, required second factors and disabled features."""

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
from accounts.branding.services.branding import host_team_id, team_host
from accounts.sign_in.services import browsers, factors, host_sessions
from cpms.common.api.base import PROBLEM
from cpms.common.web import formatting


class HostMiddleware:
    """Serve the domains that teams have proved to be their own, besides ALLOWED_HOSTS. Django refuses every other host.

    The admin, and security headers that include subdomains, stay on our own domain: a team's domain may have subdomains
    that we must not affect.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.META.get("HTTP_HOST", "")
        own = team_host(host)
        request.host_team_id = own.team_id if own else None  # type: ignore[attr-defined]
        if own is None:
            return self.get_response(request)
        request.get_host = lambda: host  # type: ignore[method-assign]
        if request.path.startswith("/admin/"):
            return redirect(f"{settings.PUBLIC_URL}{request.get_full_path()}")
        response = self.get_response(request)
        if "Strict-Transport-Security" in response:
            response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response


class PersonMiddleware:
    """Activate the user's language, time zone and formats, and end sessions that are not valid for the host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and not host_sessions.is_valid_for_host(request):
            site = settings.PUBLIC_URL if user.is_staff else ""
            logout(request)  # support staff must not stay on a host that one team controls
            return redirect(f"{site}{reverse('accounts:login')}")
        if user.is_authenticated:
            host_sessions.limit_to_host_team(user, request.session)
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


def _forbidden(request: HttpRequest, detail: str) -> HttpResponse:
    """Return a 403 in the problem format of the API (RFC 9457)."""
    problem = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": detail}
    return JsonResponse(problem | {"instance": request.path}, status=403, content_type=PROBLEM)


class HostSessionMiddleware:
    """Redirect pages about the whole account to our own address; see `host_sessions`."""

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
            return _forbidden(request, _("Sign in at %(site)s for this.") % {"site": settings.PUBLIC_URL})
        if host_team_id(request) is None:  # the session cookie of a team's domain was copied to our own address
            raise PermissionDenied
        path = request.path if request.method == "GET" else reverse("accounts:account")
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": f"{settings.PUBLIC_URL}{path}"})
        return redirect(f"{settings.PUBLIC_URL}{path}")


class SecondFactorMiddleware:
    """Record when a browser was last seen, and send users who lack a required second factor to its setup.

    API keys are not checked here: creating one already requires the second factor.
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
            browsers.record_last_seen(request)
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
            return _forbidden(request, factors.setup_required_message(user))
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
