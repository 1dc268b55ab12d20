"""Before people open a secret or change how somebody signs in, they show again who they are, unless they just have."""

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

KEY = "confirmed_at"
COUNTS_SECONDS = 10 * 60


def note_confirmed(request: HttpRequest) -> None:
    """The person has just proved who he is."""
    request.session[KEY] = time.time()


def is_confirmed(request: HttpRequest) -> bool:
    at = request.session.get(KEY)
    return isinstance(at, float) and 0 <= time.time() - at < COUNTS_SECONDS


def ask(request: HttpRequest, back: str = "") -> HttpResponse:
    """Ask first who it is.

    Args:
        back: where it goes on afterwards; without it to the same page, or to the account where something was sent.
    """
    is_part = bool(getattr(request, "htmx", False))  # a dialog: begun again once it is known who asks
    if not back:
        is_page = request.method in ("GET", "HEAD") and not is_part
        back = request.get_full_path() if is_page else reverse("accounts:security")
    address = f"{reverse('accounts:confirm')}?{urlencode({REDIRECT_FIELD_NAME: back})}"
    if is_part:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def confirmed(view: Callable[..., Any]) -> Callable[..., Any]:
    """For views of secrets and of how somebody signs in: asks first who it is, and then leads back."""

    @login_required
    @wraps(view)
    def ask_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if is_confirmed(request) else ask(request)

    return ask_first


class FreshProofAdmin(BackOfficeAdmin):
    """An admin whose form, or some of whose actions, change secrets or how people sign in."""

    guarded_actions: Sequence[str] = ()

    def needs_proof(self, request: HttpRequest, object_id: str | None) -> bool:
        """Whether the form is opened or sent with something that asks for a fresh proof."""
        return True

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if self.needs_proof(request, object_id) and not is_confirmed(request):
            return ask(request, request.get_full_path())
        return super().changeform_view(request, object_id, form_url, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        is_guarded = request.method == "POST" and request.POST.get("action") in self.guarded_actions
        if is_guarded and not is_confirmed(request):
            return ask(request, request.get_full_path())
        return super().changelist_view(request, extra_context)


def check_password(*, user: User, password: str, address: str) -> None:
    """For who has no second factor; who has one proves that, since the password may be what was stolen.

    Raises:
        TooManyAttempts: too often from this source.
        DomainError: it is not his password, or he has a second factor.
    """
    attempts.count_attempt("confirm", address, user.email)
    if factors.has_factor(user):
        raise DomainError(_("Confirm with your authenticator app, a passkey or a recovery code."))
    if len(password) > people_services.MAX_PASSWORD_LENGTH or not user.check_password(password):
        raise DomainError(_("This is not your password."), fields={"password": ""})
