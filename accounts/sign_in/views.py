"""Sign-in pages, and the security settings of an account."""

from __future__ import annotations

import base64
import json
from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import LoginView as AllauthLoginView
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.generic import FormView, TemplateView

from accounts.people.models import User
from accounts.sign_in import fresh_proof
from accounts.sign_in.forms import AppForm, CodeForm, ConfirmForm, KeyForm, LoginForm
from accounts.sign_in.services import attempts, browsers, captcha, enrolment_codes, factors
from accounts.sign_in.tables import BrowserTable, KeyTable
from cpms.common.errors import DomainError
from cpms.common.web import user_agents
from cpms.common.web.pages import AuthenticatedRequest, FormPage, add_errors

SENSITIVE = method_decorator(sensitive_post_parameters(), name="dispatch")


def client_address(request: HttpRequest) -> str:
    """Return the IP address of the client; empty behind a unix socket."""
    return str(request.META.get("REMOTE_ADDR", ""))


SECRET = "new_app_secret"  # noqa: S105 - session key of a secret that the app has not confirmed yet


FEW_CODES = 3


Type = Authenticator.Type


def credential_of(request: HttpRequest) -> dict[str, Any]:
    """Return the response of the browser's passkey.

    Raises:
        DomainError: the request holds no JSON object.
    """
    try:
        credential = json.loads(request.POST.get("credential", ""))
    except (ValueError, RecursionError):
        credential = None
    if not isinstance(credential, dict):
        raise DomainError(_("The browser did not send a passkey. Please try again."))
    return credential


@method_decorator([login_required, never_cache], name="dispatch")
class SecurityView(TemplateView):
    template_name = "accounts/sign_in/security.html"
    request: AuthenticatedRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        own = factors.factors_of(user)
        is_missing = user.access.must_have_second_factor and not own.has_any
        rows = [] if is_missing else browsers.browsers_of(user)
        return super().get_context_data(**kwargs) | {
            "factors": own,
            "codes_left": own.codes_left,
            "are_few": own.codes_left <= FEW_CODES,
            "keys": KeyTable(own.keys),
            "browsers": BrowserTable(rows, current=self.request.session.session_key),
            "others": len(rows) > 1,
            "is_missing": is_missing,
            "is_demanded": user.access.must_have_second_factor,
        }


def _show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Render the recovery codes. No other page ever shows them."""
    shown = [f"{code[:4]} {code[4:]}" for code in codes]
    response = render(request, "accounts/sign_in/codes.html", {"codes": shown, "host": request.get_host()})
    response["Cache-Control"] = "no-store"
    return response


def _finish_setup(request: HttpRequest, codes: list[str], sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return _show_codes(request, codes) if codes else redirect("accounts:security")


class FirstFactorMixin:
    """Ask support staff for an enrolment code when they add their first second factor."""

    request: AuthenticatedRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        needs_code = enrolment_codes.is_needed(self.request.user)
        return super().get_form_kwargs() | {"needs_enrolment_code": needs_code}  # type: ignore[misc]


@method_decorator([fresh_proof.requires_proof, sensitive_post_parameters(), never_cache], name="dispatch")
class AppAddView(FirstFactorMixin, FormPage):
    template_name = "accounts/sign_in/app_add.html"
    form_class = AppForm
    request: AuthenticatedRequest

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if factors.factors_of(self.request.user).app is not None:
            return redirect("accounts:security")
        request.session[SECRET] = generate_totp_secret()
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        secret = self.request.session.get(SECRET, "")
        address = get_adapter().build_totp_url(self.request.user, secret)
        picture = base64.b64encode(get_adapter().build_totp_svg(address).encode()).decode()
        groups = [secret[start : start + 4] for start in range(0, len(secret), 4)]
        return super().get_context_data(**kwargs) | {
            "picture": f"data:image/svg+xml;base64,{picture}",
            "address": address,
            "secret": " ".join(groups),
        }

    def perform(self, form: AppForm) -> HttpResponse:  # type: ignore[override]
        secret = self.request.session.get(SECRET)
        if not secret:
            raise DomainError(_("This took too long. Open the page again."))
        codes = factors.add_app(
            user=self.request.user,
            secret=secret,
            code=form.cleaned_data["code"],
            enrolment_code=form.cleaned_data.get("enrolment_code", ""),
        )
        del self.request.session[SECRET]
        return _finish_setup(self.request, codes, _("Your authenticator app is set up."))


@method_decorator([fresh_proof.requires_proof, sensitive_post_parameters(), never_cache], name="dispatch")
class KeyAddView(FirstFactorMixin, FormPage):
    template_name = "accounts/sign_in/key_add.html"
    form_class = KeyForm
    request: AuthenticatedRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(options=webauthn.begin_registration(self.request.user, True), **kwargs)

    def perform(self, form: KeyForm) -> HttpResponse:  # type: ignore[override]
        codes = factors.add_key(
            user=self.request.user,
            name=form.cleaned_data["name"],
            credential=credential_of(self.request),
            enrolment_code=form.cleaned_data.get("enrolment_code", ""),
        )
        return _finish_setup(self.request, codes, _("Your passkey is set up."))


def _own_factor(request: AuthenticatedRequest, pk: int) -> Authenticator:
    return get_object_or_404(Authenticator.objects.filter(user=request.user, type__in=factors.FACTORS), pk=pk)


@fresh_proof.requires_proof
@require_http_methods(["GET", "POST"])
def factor_remove(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Remove an authenticator app or a passkey."""
    found = _own_factor(request, pk)
    if request.method == "GET":
        others = Authenticator.objects.filter(user=request.user, type__in=factors.FACTORS).exclude(pk=pk)
        name = "" if found.type == Type.TOTP else found.wrap().name
        context = {"factor": found, "name": name, "is_last": not others.exists()}
        return render(request, "accounts/sign_in/factor_remove.html", context)
    try:
        factors.remove(factor=found, actor=request.user)
        messages.success(request, _("Removed."))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("accounts:security")


@fresh_proof.requires_proof
@require_http_methods(["GET", "POST"])
def key_rename(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Authenticator.objects.filter(user=request.user, type=Type.WEBAUTHN), pk=pk)
    if request.method == "GET":
        return render(request, "accounts/sign_in/key_rename.html", {"factor": found, "name": found.wrap().name})
    try:
        factors.rename_key(key=found, name=request.POST.get("name", ""))
        messages.success(request, _("Passkey renamed."))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("accounts:security")


@fresh_proof.requires_proof
@never_cache
@require_http_methods(["GET", "POST"])
def codes_make(request: AuthenticatedRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "accounts/sign_in/codes_make.html")
    try:
        return _show_codes(request, factors.make_codes(user=request.user))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("accounts:security")


# --- browsers ------------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "POST"])
def browser_sign_out(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Sign out another browser. The current one has its own sign-out button."""
    rows = request.user.browsers.exclude(session_key=request.session.session_key or "")
    found = get_object_or_404(rows, pk=pk)
    if request.method == "GET":
        context = {"browser": found, "browser_name": user_agents.browser_label(found.agent)}
        return render(request, "accounts/sign_in/browser_sign_out.html", context)
    browsers.sign_out(browser=found, actor=request.user)
    messages.success(request, _("Browser signed out."))
    return redirect("accounts:security")


@login_required
@require_POST
def browser_sign_out_others(request: AuthenticatedRequest) -> HttpResponse:
    count = browsers.sign_out_others(user=request.user, keep_session=request.session.session_key, actor=request.user)
    sentence = ngettext("%(n)d other browser signed out.", "%(n)d other browsers signed out.", count)
    messages.success(request, sentence % {"n": count})
    return redirect("accounts:security")


# --- proving one's identity ----------------------------------------------------------------------------------------


class ProofView(FormView):
    """Base of the pages that accept a code or a passkey, for signing in and for confirming."""

    form_class: Any = CodeForm

    def get_person(self) -> User:
        raise NotImplementedError

    def proved(self, factor: Authenticator) -> HttpResponse:
        raise NotImplementedError

    @cached_property
    def person_factors(self) -> factors.Factors:
        return factors.factors_of(self.get_person())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs) | {"factors": self.person_factors}
        if self.person_factors.keys:
            context["options"] = webauthn.begin_authentication(self.get_person())
        return context

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "credential" not in request.POST:
            return super().post(request, *args, **kwargs)
        try:
            return self.proved(factors.check_key(user=self.get_person(), credential=credential_of(request)))
        except DomainError as error:
            messages.error(request, str(error))
            return self.render_to_response(self.get_context_data(form=self.form_class()))

    def form_valid(self, form: CodeForm) -> HttpResponse:
        try:
            return self.proved(factors.check_code(user=self.get_person(), code=form.cleaned_data["code"]))
        except DomainError as error:
            add_errors(form, error)
            return self.form_invalid(form)


@method_decorator(
    [
        login_stage_required(stage=AuthenticateStage.key, redirect_urlname="account_login"),
        sensitive_post_parameters(),
        never_cache,
    ],
    name="dispatch",
)
class SecondStepView(ProofView):
    """Ask for the second factor after the right password."""

    template_name = "accounts/sign_in/second_step.html"

    def get_person(self) -> User:
        found: User = self.request._login_stage.login.user  # type: ignore[attr-defined]
        return found

    def proved(self, factor: Authenticator) -> HttpResponse:
        post_authentication(self.request, factor)
        if factor.type == Type.RECOVERY_CODES:
            left = len(factor.wrap().get_unused_codes())
            sentence = ngettext(
                "You have %(n)d recovery code left. Create new ones in your account.",
                "You have %(n)d recovery codes left.",
                left,
            )
            messages.warning(self.request, sentence % {"n": left})
        response: HttpResponse = self.request._login_stage.exit()  # type: ignore[attr-defined]
        return response


@method_decorator([login_required, sensitive_post_parameters(), never_cache], name="dispatch")
class ConfirmView(ProofView):
    """Ask the user to confirm who they are before they change something about signing in."""

    template_name = "accounts/sign_in/confirm.html"
    request: AuthenticatedRequest

    def get_person(self) -> User:
        return self.request.user

    def get_form_class(self) -> Any:
        return CodeForm if self.person_factors.has_any else ConfirmForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        back = get_next_redirect_url(self.request) or reverse("accounts:security")
        return super().get_context_data(**kwargs) | {"next": back}

    def form_valid(self, form: Any) -> HttpResponse:
        if self.person_factors.has_any:
            return super().form_valid(form)
        try:
            password = form.cleaned_data["password"]
            fresh_proof.check_password(user=self.request.user, password=password, address=client_address(self.request))
        except DomainError as error:
            add_errors(form, error)
            return self.form_invalid(form)
        return self.proved()

    def proved(self, factor: Authenticator | None = None) -> HttpResponse:
        fresh_proof.record_fresh_proof(self.request)
        return redirect(get_next_redirect_url(self.request) or "accounts:security")


@never_cache
@require_http_methods(["GET", "POST"])
def passkey_login(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey alone. GET returns the challenge for the browser's script, POST takes its response."""
    if request.user.is_authenticated:
        return redirect("portal:dashboard")
    try:
        attempts.count_attempt("passkey", client_address(request), "")
        if request.method == "GET":
            return JsonResponse(dict(webauthn.begin_authentication()))
        found = factors.check_key(user=None, credential=credential_of(request))
    except DomainError as error:
        if request.method == "GET":
            return JsonResponse({"detail": str(error)}, status=429)
        messages.error(request, str(error))
        return redirect("accounts:login")
    login = Login(user=found.user, email=found.user.email, redirect_url=get_next_redirect_url(request))
    return perform_passwordless_login(request, found, login)


class LoginView(AllauthLoginView):
    template_name = "accounts/sign_in/login.html"
    form_class = LoginForm


@never_cache
@require_safe
def captcha_challenge(request: HttpRequest) -> HttpResponse:
    """Return a new captcha challenge for the sign-in page."""
    requested = request.GET.get("level", "")
    level = captcha.level_for(client_address(request), "") or 0
    return JsonResponse(captcha.make_challenge(max(level, int(requested) if requested in {"1", "2", "3"} else 0)))


class LogoutView(views.LogoutView):
    next_page = "accounts:login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        browsers.record_sign_out(request)
        return super().post(request, *args, **kwargs)


@never_cache
def admin_login(request: HttpRequest) -> HttpResponse:
    """Redirect to the normal sign-in page, so that the admin shares its rate limits and second factor."""
    if request.user.is_authenticated:
        raise PermissionDenied(_("The administration is for support staff only."))
    return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))
