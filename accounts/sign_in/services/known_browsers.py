"""Recognise a browser that signed in to an account before, by a signed cookie.

The cookie grants nothing. It only keeps attacks on the account from other browsers from slowing this one down.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

COOKIE = "__Host-known" if settings.IS_HTTPS else "known"
SALT = "accounts.known-browser"
COOKIE_AGE = timedelta(days=365)
MAX_ACCOUNTS = 10  # per browser; the oldest one is dropped


def remember_account(request: HttpRequest, email: str) -> None:
    """Mark the request as a sign-in to this account, so that the middleware writes the cookie."""
    request.signed_in_account = email  # type: ignore[attr-defined]


def device_for(request: HttpRequest, email: str) -> str:
    """Return the browser's id if it signed in to this account before, else an empty string."""
    device, accounts = _read(request)
    return device if _digest(email) in accounts else ""


class KnownBrowserMiddleware:
    """Write the cookie after a sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        email = getattr(request, "signed_in_account", "")
        if email:
            device, accounts = _read(request)
            latest = [*(known for known in accounts if known != _digest(email)), _digest(email)][-MAX_ACCOUNTS:]
            response.set_cookie(
                COOKIE,
                signing.dumps([device or secrets.token_hex(8), latest], salt=SALT),
                max_age=COOKIE_AGE,
                secure=settings.IS_HTTPS,
                httponly=True,
                samesite="Lax",
            )
        return response


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        device, accounts = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=COOKIE_AGE)
    except signing.BadSignature:
        return "", []
    return str(device), list(accounts)


def _digest(email: str) -> str:
    return salted_hmac(SALT, email.strip().lower(), algorithm="sha256").hexdigest()[:16]
