"""A person's own account: password, address."""

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

from accounts.branding.services.looks import host_team_id
from accounts.people.models import User
from accounts.profile.forms import AddressForm, ChangePasswordForm, PreferencesForm
from accounts.profile.services import address_changes, passwords, preferences
from accounts.sign_in import fresh_proof
from accounts.sign_in.forms import NewPasswordForm, ResetForm
from accounts.sign_in.services import browsers, factors
from accounts.sign_in.views import SENSITIVE, source
from cpms.common.errors import DomainError
from cpms.common.web.pages import AuthenticatedRequest, FormPage, add_errors


def link_is_void(request: HttpRequest, why: str, **more: Any) -> HttpResponse:
    """A sentence and a way on."""
    return render(request, "accounts/profile/link_void.html", {"why": why, **more})


class ResetView(FormView):
    """Send a reset link; the answer is the same whether or not the address has an account."""

    template_name = "accounts/profile/password_reset.html"
    form_class = ResetForm

    def form_valid(self, form: ResetForm) -> HttpResponse:
        try:
            passwords.ask_for_new_password(
                email=form.cleaned_data["email"], address=source(self.request), team_id=host_team_id(self.request)
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
    """The page that the reset link leads to: it sets a new password."""

    template_name = "accounts/profile/password_set.html"
    form_class = NewPasswordForm

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        try:
            passwords.set_password_by_link(user=self.reset_user, key=self.key, password=form.cleaned_data["password1"])
        except DomainError:
            return self.render_to_response(self.get_context_data(form=form, token_fail=True))
        messages.success(self.request, _("Your new password is set. Sign in with it."))
        return redirect("accounts:login")


class AccountView(FormPage):
    """What there is about oneself; how pages look is changed here."""

    template_name = "accounts/profile/account.html"
    form_class = PreferencesForm
    request: AuthenticatedRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"instance": User.objects.get(pk=self.request.user.pk)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(has=factors.factors_of(self.request.user), **kwargs)

    def perform(self, form: PreferencesForm) -> HttpResponse:  # type: ignore[override]
        preferences.choose_preferences(user=self.request.user, **form.cleaned_data)
        with translation.override(form.cleaned_data["language"] or translation.get_language()):
            messages.success(self.request, _("Settings saved."))
        return redirect("accounts:account")


@login_required
@require_POST
def theme(request: AuthenticatedRequest) -> HttpResponse:
    """What was pressed in the menu; the page has changed already."""
    try:
        preferences.choose_theme(user=request.user, theme=request.POST.get("theme", ""))
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
        user, told = self.request.user, form.cleaned_data
        passwords.change_password(
            user=user,
            old=told["old"],
            new=told["password1"],
            address=source(self.request),
            session_key=self.request.session.session_key,
            with_tokens=told["with_tokens"],
        )
        update_session_auth_hash(self.request, user)  # here one stays; everywhere else one is signed out
        browsers.note_new_key(self.request, user)
        messages.success(self.request, _("Your password is changed. Everywhere else you are signed out."))
        return redirect("accounts:account")


@method_decorator(fresh_proof.confirmed, name="dispatch")
class AddressView(FormPage):
    """Another address, or the one there is, to be verified by a mail."""

    template_name = "accounts/profile/email_change.html"
    form_class = AddressForm
    request: AuthenticatedRequest

    def get_initial(self) -> dict[str, Any]:
        return {} if self.request.user.email_verified_at else {"email": self.request.user.email}

    def perform(self, form: AddressForm) -> HttpResponse:  # type: ignore[override]
        email = form.cleaned_data["email"]
        passwords.ask_to_verify(
            user=self.request.user, email=email, address=source(self.request), team_id=host_team_id(self.request)
        )
        sentence = _("A mail is on its way to %(email)s. Open the link in it to confirm the address.")
        messages.success(self.request, sentence % {"email": email})
        return redirect("accounts:account")


@never_cache
@require_http_methods(["GET", "POST"])
def email_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link changes nothing: mail programs open links by themselves. The button does."""
    try:
        user, email = passwords.read_address_token(token)
        if request.method == "GET":
            return render(request, "accounts/profile/email_confirm.html", {"person": user, "email": email})
        passwords.confirm_address(token=token, team_id=host_team_id(request))
    except DomainError as error:
        return link_is_void(request, str(error))
    messages.success(request, _("The address %(email)s is confirmed.") % {"email": email})
    return redirect("accounts:account" if request.user.is_authenticated else "accounts:login")


@never_cache
@require_http_methods(["GET", "POST"])
def email_undo(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link in the mail to the old address leads."""
    try:
        if request.method == "GET":
            return render(
                request, "accounts/profile/email_undo.html", {"change": address_changes.read_undo_token(token)}
            )
        address_changes.undo(token=token)
    except DomainError as error:
        return link_is_void(request, str(error))
    return redirect("accounts:password_reset_sent")
