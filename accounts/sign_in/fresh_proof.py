"""Ask users to confirm who they are before they open a secret or change how somebody signs in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.people import services as people_services
from accounts.people.models import User
from accounts.sign_in.services import attempts, factors
from cpms.common.errors import DomainError
from cpms.common.web.admin import BackOfficeAdmin

SESSION_KEY = "confirmed_at"
VALID_SECONDS = 10 * 60


def record_fresh_proof(request: HttpRequest) -> None:
    """Record that the user has just proved who they are."""
    request.session[SESSION_KEY] = time.time()


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the user proved who they are within the last ten minutes."""
    at = request.session.get(SESSION_KEY)
    return isinstance(at, float) and 0 <= time.time() - at < VALID_SECONDS


def redirect_to_proof(request: HttpRequest, back: str = "") -> HttpResponse:
    """Redirect to the page on which the user confirms who they are.

    Args:
        back: where that page leads afterwards. By default the same page, or the security settings after a POST.
    """
    is_dialog = bool(getattr(request, "htmx", False))  # the user opens the dialog again afterwards
    if not back:
        is_page = request.method in ("GET", "HEAD") and not is_dialog
        back = request.get_full_path() if is_page else reverse("accounts:security")
    address = f"{reverse('accounts:confirm')}?{urlencode({REDIRECT_FIELD_NAME: back})}"
    if is_dialog:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def requires_proof(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a view so that it asks for a fresh proof before it runs, and leads back afterwards."""

    @login_required
    @wraps(view)
    def check_proof(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if is_confirmed(request) else redirect_to_proof(request)

    return check_proof


class FreshProofAdmin(BackOfficeAdmin):
    """An admin whose form, or some of whose actions, change secrets or how people sign in."""

    guarded_actions: Sequence[str] = ()

    def needs_proof(self, request: HttpRequest, object_id: str | None) -> bool:
        """Return whether this request to the form needs a fresh proof."""
        return True

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if self.needs_proof(request, object_id) and not is_confirmed(request):
            return redirect_to_proof(request, request.get_full_path())
        return super().changeform_view(request, object_id, form_url, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        is_guarded = request.method == "POST" and request.POST.get("action") in self.guarded_actions
        if is_guarded and not is_confirmed(request):
            return redirect_to_proof(request, request.get_full_path())
        return super().changelist_view(request, extra_context)


def check_password(*, user: User, password: str, address: str) -> None:
    """Check the password of a user without a second factor.

    A user with a second factor must prove that one, since the password may be what was stolen.

    Raises:
        TooManyAttempts: there were too many attempts from this address.
        DomainError: the password is wrong, or the user has a second factor.
    """
    attempts.count_attempt("confirm", address, user.email)
    if factors.has_factor(user):
        raise DomainError(_("Confirm with your authenticator app, a passkey or a recovery code."))
    if len(password) > people_services.MAX_PASSWORD_LENGTH or not user.check_password(password):
        raise DomainError(_("This is not your password."), fields={"password": ""})
