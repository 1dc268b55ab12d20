"""Before somebody changes how he signs in, he shows again who he is, unless he has just done so."""

from __future__ import annotations

import time
from collections.abc import Callable
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

from accounts import factors, services
from accounts.models import User
from cpms.common.errors import DomainError

KEY = "confirmed_at"
COUNTS_SECONDS = 10 * 60


def note_confirmed(request: HttpRequest) -> None:
    """The person has just proved who he is."""
    request.session[KEY] = time.time()


def is_confirmed(request: HttpRequest) -> bool:
    at = request.session.get(KEY)
    return isinstance(at, float) and 0 <= time.time() - at < COUNTS_SECONDS


def confirmed(view: Callable[..., Any]) -> Callable[..., Any]:
    """For views that change how somebody signs in: asks first who he is, and then leads back."""

    @login_required
    @wraps(view)
    def ask_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_confirmed(request):
            return view(request, *args, **kwargs)
        back = request.get_full_path() if request.method == "GET" else reverse("accounts:security")
        if getattr(request, "htmx", False):  # a dialog: begun again once it is known who asks
            back = reverse("accounts:security")
        address = f"{reverse('accounts:confirm')}?{urlencode({REDIRECT_FIELD_NAME: back})}"
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": address})
        return redirect(address)

    return ask_first


def check_password(*, user: User, password: str, address: str) -> None:
    """For who has no second factor; who has one proves that, since the password may be what was stolen.

    Raises:
        TooManyAttempts: too often from this source.
        DomainError: it is not his password, or he has a second factor.
    """
    services.count_attempt("confirm", address, user.email)
    if factors.has_factor(user):
        raise DomainError(_("Confirm with your authenticator app, a passkey or a recovery code."))
    if len(password) > services.LONGEST_PASSWORD or not user.check_password(password):
        raise DomainError(_("This is not your password."), fields={"password": ""})
