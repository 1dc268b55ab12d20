"""What allauth asks us."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.people import services as team_services
from accounts.sign_in import fresh_proof
from accounts.sign_in.services import browsers, host_sessions, known_browsers
from cpms.common.models import decrypt, encrypt


class Adapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are created by invitation, never through allauth's sign-up."""
        return False

    def login(self, request: HttpRequest, user: Any) -> None:
        """The last step of every way in: what is to be done once for all of them is done here."""
        super().login(request, user)
        browsers.note_sign_in(request, user)
        host_sessions.note_begun(request)
        known_browsers.note_account(request, user.email)
        fresh_proof.note_confirmed(request)
        if user.email_verified_at is not None:
            team_services.enrol(user)  # a team may have proved its domain since

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Our own mails say it."""

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Our pages say themselves what happened."""

    def is_safe_url(self, url: str) -> bool:
        """Only this site, as it was asked for: `next` leads nowhere else."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        """RealAddressMiddleware has found it; behind a unix socket there is none."""
        return str(request.META.get("REMOTE_ADDR", ""))


class FactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors are kept encrypted with STATION_SECRET_KEYS."""

    def encrypt(self, text: str) -> str:
        return encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text.encode()).decode()

    def _get_site_name(self) -> str:
        return "CPMS"
