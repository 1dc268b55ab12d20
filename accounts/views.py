"""Signing in and out, and a person's keys for programs."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView as AllauthLoginView
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import browsers, captcha, confirm, services
from accounts.forms import ApiTokenForm, LoginForm
from accounts.models import ApiToken
from accounts.tables import ApiTokenTable
from cpms.common.web.pages import AuthenticatedRequest, FormPage


class LoginView(AllauthLoginView):
    template_name = "accounts/login.html"
    form_class = LoginForm


@never_cache
@require_safe
def captcha_challenge(request: HttpRequest) -> HttpResponse:
    """A new sum for the browser of who wants to sign in."""
    asked = request.GET.get("level", "")
    source = str(request.META.get("REMOTE_ADDR", ""))
    level = captcha.level_for(source, "") or 0
    return JsonResponse(captcha.make_challenge(max(level, int(asked) if asked in {"1", "2", "3"} else 0)))


class LogoutView(views.LogoutView):
    next_page = "accounts:login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        browsers.note_sign_out(request)
        return super().post(request, *args, **kwargs)


@never_cache
def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin has no log-in of its own: one door, one throttle."""
    if request.user.is_authenticated:
        raise PermissionDenied(_("The administration is for support staff only."))
    return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))


@method_decorator(confirm.confirmed, name="dispatch")
class ApiTokenListView(FormPage):
    """The person's tokens; a new one's key is in the answer to its creation and nowhere else."""

    template_name = "accounts/api_tokens.html"
    form_class = ApiTokenForm
    request: AuthenticatedRequest
    key = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        tokens = ApiToken.objects.filter(user=self.request.user).order_by("revoked", "-created")
        table = ApiTokenTable(tokens)
        return super().get_context_data(table=table, has_tokens=tokens.exists(), key=self.key, **kwargs)

    def perform(self, form: ApiTokenForm) -> HttpResponse:  # type: ignore[override]
        _token, self.key = services.issue_api_token(user=self.request.user, **form.facts)
        response = self.render_to_response(self.get_context_data(form=ApiTokenForm()))
        response["Cache-Control"] = "no-store"
        return response


@login_required
@require_http_methods(["GET", "POST"])
def api_token_revoke(request: AuthenticatedRequest, prefix: str) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.filter(user=request.user), prefix=prefix)
    if request.method == "GET":
        return render(request, "accounts/api_token_revoke.html", {"token": token})
    services.revoke_api_token(token=token, actor=request.user)
    messages.success(request, _("The token “%(name)s” is revoked.") % {"name": token.name})
    return redirect("accounts:api_tokens")
