from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.members.models import Invitation
from accounts.people.models import Membership, User
from accounts.profile.services import address_changes, passwords
from accounts.sign_in import fresh_proof
from accounts.sign_in.services import browsers, enrolment_codes, factors
from cpms.common.errors import DomainError
from cpms.common.web.admin import PEOPLE, BackOfficeAdmin, ReportAdmin, StaffInlineMixin
from cpms.common.web.formatting import DASH


class PersonAddForm(UserCreationForm):
    class Meta:
        model = User
        fields = ["email"]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()


class PersonForm(UserChangeForm):
    class Meta:
        model = User
        fields = [
            "email",
            "password",
            "first_name",
            "last_name",
            "phone",
            "language",
            "time_zone",
            "is_active",
            "is_staff",
        ]

    clean_email = PersonAddForm.clean_email


class MembershipInline(StaffInlineMixin, TabularInline):
    model = Membership
    autocomplete_fields = ["team", "user"]
    extra = 0


@admin.register(User)
class PersonAdmin(UserAdmin, fresh_proof.FreshProofAdmin):  # type: ignore[misc]
    """Users are never deleted here, so that records keep their author. Deactivate them instead."""

    menu_group, menu_icon, menu_place = PEOPLE, "person", 20
    form = PersonForm
    add_form = PersonAddForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "first_name", "last_name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", ("memberships__team", AutocompleteSelectFilter)]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "date_joined", "email_verified_at", "erased_at", "second_factor"]
    inlines = [MembershipInline]
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "phone", "language", "time_zone")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "second_factor")}),
        (_("History"), {"fields": ("last_login", "date_joined", "email_verified_at", "erased_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    actions = ["reset_factors", "issue_enrolment_code", "sign_out"]
    guarded_actions = ["reset_factors", "issue_enrolment_code"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Set a password with the same effects as a reset: sign out, revoke API tokens and notify by e-mail."""
        if not fresh_proof.is_confirmed(request):
            return fresh_proof.redirect_to_proof(request, request.get_full_path())
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            person = User.objects.get(pk=id)
            is_me = person == request.user
            if is_me:
                browsers.record_new_session_key(request, person)
            passwords.end_sessions_and_tokens(user=person, keep_session=request.session.session_key if is_me else None)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Handle a new address as if the user had changed it, but leave it unverified."""
        if not change or "email" not in form.changed_data:
            super().save_model(request, obj, form, change)
            return
        obj.email_verified_at = None
        form.changed_data.append("email_verified_at")
        super().save_model(request, obj, form, change)
        address_changes.record_change(user=obj, old_email=form.initial["email"])

    @admin.display(description=_("Two-factor authentication"))
    def second_factor(self, person: User) -> str:
        own = factors.factors_of(person)
        labels = ([_("authenticator app")] if own.app else []) + [str(key) for key in own.keys]
        return ", ".join(map(str, labels)) or DASH

    @admin.action(description=_("Reset two-factor authentication"))
    def reset_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Reset factors. Staff must verify the person first: only the second factor protects a stolen password."""
        for person in queryset:
            try:
                factors.reset(person=person, actor=cast(User, request.user))
            except DomainError as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                sentence = _("Two-factor authentication of %(name)s reset. They were notified by e-mail.") % {
                    "name": person
                }
                self.message_user(request, sentence, messages.SUCCESS)

    @admin.action(description=_("Issue an enrolment code for two-factor authentication"))
    def issue_enrolment_code(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Show codes once. They must reach the person by another way than their mailbox."""
        issued = []
        for person in queryset:
            try:
                row, code = enrolment_codes.issue_code(person=person, actor=cast(User, request.user))
                issued.append({"person": person, "code": code, "expires_at": row.expires_at})
            except DomainError as error:
                self.message_user(request, str(error), messages.WARNING)
        if not issued:
            return None
        context = self.admin_site.each_context(request) | {"title": _("Enrolment codes"), "issued": issued}
        context["opts"] = self.opts
        page = "admin/accounts/enrolment_codes.html"
        return TemplateResponse(request, page, context, headers={"Cache-Control": "no-store"})

    @admin.action(description=_("Sign out everywhere"))
    def sign_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = 0
        for person in queryset:
            count += browsers.sign_out_others(user=person, keep_session=None, actor=cast(User, request.user))
        text = ngettext("%(count)d browser signed out.", "%(count)d browsers signed out.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(Membership)
class MembershipAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "badge", 30
    list_display = ["user", "team", "role", "created_at"]
    list_filter = ["role", ("team", AutocompleteSelectFilter)]
    list_select_related = ["user", "team"]
    search_fields = ["user__email", "team__name"]
    autocomplete_fields = ["user", "team"]
    readonly_fields = ["created_at"]


@admin.register(Invitation)
class InvitationAdmin(ReportAdmin):
    """Read-only. Invitations are managed by the administrators of the teams."""

    menu_group, menu_icon, menu_place = PEOPLE, "outgoing_mail", 35
    list_display = ["email", "team", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at"]
    list_filter = ["role", ("expires_at", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email", "team__name"]
    exclude = ["nonce", "token_hash"]


if admin.site.is_registered(Authenticator):  # registered by allauth, whose pages show the secrets
    admin.site.unregister(Authenticator)
