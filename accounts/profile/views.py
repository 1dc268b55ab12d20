"""Account pages: preferences, password and e-mail address."""

from __future__ import annotations

from typing import Any

from allauth.account.views import PasswordResetFromKeyView
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django.views.generic import FormView, TemplateView

from accounts.branding.services.branding import host_team_id
from accounts.people.models import User
from accounts.profile.forms import AddressForm, ChangePasswordForm, PreferencesForm
from accounts.profile.services import address_changes, passwords, preferences
from accounts.sign_in import fresh_proof
from accounts.sign_in.forms import NewPasswordForm, ResetForm
from accounts.sign_in.services import browsers, factors
from accounts.sign_in.views import SENSITIVE, client_address
from cpms.common.errors import DomainError
from cpms.common.web.pages import AuthenticatedRequest, FormPage, add_errors


def invalid_link_page(request: HttpRequest, reason: str, **context: Any) -> HttpResponse:
    """Render the page for a link that is invalid or has expired."""
    return render(request, "accounts/profile/link_void.html", {"reason": reason, **context})


class ResetView(FormView):
    """Send a reset link. The response is the same whether or not the address has an account."""

    template_name = "accounts/profile/password_reset.html"
    form_class = ResetForm

    def form_valid(self, form: ResetForm) -> HttpResponse:
        try:
            passwords.request_password_reset(
                email=form.cleaned_data["email"],
                address=client_address(self.request),
                team_id=host_team_id(self.request),
            )
        except DomainError as error:
            add_errors(form, error)
            return self.form_invalid(form)
        return redirect("accounts:password_reset_sent")


class ResetSentView(TemplateView):
    template_name = "accounts/profile/password_reset_sent.html"


@SENSITIVE
@method_decorator([never_cache, require_http_methods(["GET", "POST"])], name="dispatch")
class SetPasswordView(PasswordResetFromKeyView):
    """Set a new password, from the link in the reset e-mail."""

    template_name = "accounts/profile/password_set.html"
    form_class = NewPasswordForm

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        try:
            passwords.set_password_by_link(user=self.reset_user, key=self.key, password=form.cleaned_data["password1"])
        except DomainError:
            return self.render_to_response(self.get_context_data(form=form, token_fail=True))
        messages.success(self.request, _("New password set. Sign in with it."))
        return redirect("accounts:login")


class AccountView(FormPage):
    """An overview of the account, with a form for the preferences."""

    template_name = "accounts/profile/account.html"
    form_class = PreferencesForm
    request: AuthenticatedRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"instance": User.objects.get(pk=self.request.user.pk)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(factors=factors.factors_of(self.request.user), **kwargs)

    def perform(self, form: PreferencesForm) -> HttpResponse:  # type: ignore[override]
        preferences.save_preferences(user=self.request.user, **form.cleaned_data)
        with translation.override(form.cleaned_data["language"] or translation.get_language()):
            messages.success(self.request, _("Settings saved."))
        return redirect("accounts:account")


@login_required
@require_POST
def theme(request: AuthenticatedRequest) -> HttpResponse:
    """Save the theme that was chosen in the menu. The page has already applied it."""
    try:
        preferences.save_theme(user=request.user, theme=request.POST.get("theme", ""))
    except DomainError as error:
        return HttpResponse(str(error), status=422)
    return HttpResponse(status=204)


@SENSITIVE
class ChangePasswordView(FormPage):
    template_name = "accounts/profile/password_change.html"
    form_class = ChangePasswordForm
    request: AuthenticatedRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    def perform(self, form: ChangePasswordForm) -> HttpResponse:  # type: ignore[override]
        user, data = self.request.user, form.cleaned_data
        passwords.change_password(
            user=user,
            old=data["old"],
            new=data["password1"],
            address=client_address(self.request),
            session_key=self.request.session.session_key,
            with_tokens=data["with_tokens"],
        )
        update_session_auth_hash(self.request, user)  # keeps this browser signed in
        browsers.record_new_session_key(self.request, user)
        messages.success(self.request, _("Password changed. You are signed out on all other devices."))
        return redirect("accounts:account")


@method_decorator(fresh_proof.requires_proof, name="dispatch")
class AddressView(FormPage):
    """Change the e-mail address, or verify the current one. Both need a link that is sent by e-mail."""

    template_name = "accounts/profile/email_change.html"
    form_class = AddressForm
    request: AuthenticatedRequest

    def get_initial(self) -> dict[str, Any]:
        return {} if self.request.user.email_verified_at else {"email": self.request.user.email}

    def perform(self, form: AddressForm) -> HttpResponse:  # type: ignore[override]
        email = form.cleaned_data["email"]
        passwords.request_address_verification(
            user=self.request.user,
            email=email,
            address=client_address(self.request),
            team_id=host_team_id(self.request),
        )
        sentence = _("We sent an e-mail to %(email)s. Open the link in it to confirm the address.")
        messages.success(self.request, sentence % {"email": email})
        return redirect("accounts:account")


@never_cache
@require_http_methods(["GET", "POST"])
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm an address. Only the button confirms it, since mail programs open links by themselves."""
    try:
        user, email = passwords.read_address_token(token)
        if request.method == "GET":
            return render(request, "accounts/profile/email_confirm.html", {"person": user, "email": email})
        passwords.confirm_address(token=token, team_id=host_team_id(request))
    except DomainError as error:
        return invalid_link_page(request, str(error))
    messages.success(request, _("%(email)s confirmed.") % {"email": email})
    return redirect("accounts:account" if request.user.is_authenticated else "accounts:login")


@never_cache
@require_http_methods(["GET", "POST"])
def email_undo(request: HttpRequest, token: str) -> HttpResponse:
    """Undo a change of address, from the link in the e-mail to the old address."""
    try:
        if request.method == "GET":
            return render(
                request, "accounts/profile/email_undo.html", {"change": address_changes.read_undo_token(token)}
            )
        address_changes.undo(token=token)
    except DomainError as error:
        return invalid_link_page(request, str(error))
    return redirect("accounts:password_reset_sent")
