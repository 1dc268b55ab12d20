"""Adapters: how allauth behaves in this project."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.people import services as people_services
from accounts.sign_in import fresh_proof
from accounts.sign_in.services import browsers, host_sessions, known_browsers
from cpms.common.models import decrypt, encrypt


class Adapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are created by invitation, never through allauth's sign-up."""
        return False

    def login(self, request: HttpRequest, user: Any) -> None:
        """Finish a sign-in. Every way to sign in ends here."""
        super().login(request, user)
        browsers.record_sign_in(request, user)
        host_sessions.bind_session_to_host(request)
        known_browsers.remember_account(request, user.email)
        fresh_proof.record_fresh_proof(request)
        if user.email_verified_at is not None:
            people_services.enrol(user)  # a team may have proved its domain meanwhile

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send nothing: our own e-mails notify the user."""

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Add nothing: our pages show their own messages."""

    def is_safe_url(self, url: str) -> bool:
        """Allow only redirects to the host of this request."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that RealAddressMiddleware determined; empty behind a unix socket."""
        return str(request.META.get("REMOTE_ADDR", ""))


class FactorAdapter(DefaultMFAAdapter):
    """Store secrets of second factors encrypted with STATION_SECRET_KEYS."""

    def encrypt(self, text: str) -> str:
        return encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text.encode()).decode()

    def _get_site_name(self) -> str:
        return "CPMS"
