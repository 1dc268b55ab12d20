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
    """Nobody is deleted: what a person did stays explained. Who leaves is set inactive."""

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
        """As if the person had set a new one by link: signed out, API tokens revoked, and told by mail."""
        if not fresh_proof.is_confirmed(request):
            return fresh_proof.ask(request, request.get_full_path())
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            person = User.objects.get(pk=id)
            is_me = person == request.user
            if is_me:
                browsers.note_new_key(request, person)
            passwords.end_everything(user=person, but=request.session.session_key if is_me else None)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Another address counts as if the person had changed it, but nobody has shown that the mails arrive there."""
        if not change or "email" not in form.changed_data:
            super().save_model(request, obj, form, change)
            return
        obj.email_verified_at = None
        form.changed_data.append("email_verified_at")
        super().save_model(request, obj, form, change)
        address_changes.note_change(user=obj, old_email=form.initial["email"])

    @admin.display(description=_("Second factor"))
    def second_factor(self, person: User) -> str:
        has = factors.factors_of(person)
        told = ([_("authenticator app")] if has.app else []) + [str(key) for key in has.keys]
        return ", ".join(map(str, told)) or DASH

    @admin.action(description=_("Reset the second factor of people who lost theirs"))
    def reset_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Who asks for this must be known for sure: it is what is left between a stolen password and the account."""
        for person in queryset:
            try:
                factors.reset(person=person, actor=cast(User, request.user))
            except DomainError as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                sentence = _("The second factor of %(name)s is reset; a mail says so.") % {"name": person}
                self.message_user(request, sentence, messages.SUCCESS)

    @admin.action(description=_("Issue an enrolment code for a first second factor"))
    def issue_enrolment_code(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Shown once, to be passed on by a way that is not the person's mailbox."""
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
            count += browsers.sign_out_others(user=person, but=None, actor=cast(User, request.user))
        text = ngettext("%(count)d browser is signed out.", "%(count)d browsers are signed out.", count)
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
    """Made, sent again and revoked by the teams' administrators; here one sees what became of it."""

    menu_group, menu_icon, menu_place = PEOPLE, "outgoing_mail", 35
    list_display = ["email", "team", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at"]
    list_filter = ["role", ("expires_at", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email", "team__name"]
    exclude = ["nonce", "token_hash"]


if admin.site.is_registered(Authenticator):  # by allauth, whose pages show the secrets
    admin.site.unregister(Authenticator)
