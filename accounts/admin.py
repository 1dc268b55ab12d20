from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import address_changes, browsers, confirm, enrolment_codes, factors, mails, passwords, programs, services
from accounts.models import (
    AccessToken,
    AccountMail,
    AddressChange,
    ApiToken,
    AuditEntry,
    BillingDetails,
    Brand,
    BrandPicture,
    Enrolment,
    FactorEnrolmentCode,
    FormerHandle,
    Grant,
    Invitation,
    Membership,
    Program,
    ProgramKey,
    SignedInBrowser,
    Team,
    TeamDomain,
    User,
)
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
class PersonAdmin(UserAdmin, confirm.FreshProofAdmin):  # type: ignore[misc]
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
        if not confirm.is_confirmed(request):
            return confirm.ask(request, request.get_full_path())
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


@admin.register(Team)
class TeamAdmin(confirm.FreshProofAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "groups", 10
    list_display = ["name", "handle", "created_at"]
    search_fields = ["name", "handle"]
    readonly_fields = ["created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A team with stations or sessions is never deleted: the ledger names it."""
        if not isinstance(obj, Team) or not super().has_delete_permission(request, obj):
            return False
        return not (obj.stations.exists() or obj.charging_sessions.exists())


@admin.register(Membership)
class MembershipAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "badge", 30
    list_display = ["user", "team", "role", "created_at"]
    list_filter = ["role", ("team", AutocompleteSelectFilter)]
    list_select_related = ["user", "team"]
    search_fields = ["user__email", "team__name"]
    autocomplete_fields = ["user", "team"]
    readonly_fields = ["created_at"]


@admin.register(Grant)
class GrantAdmin(BackOfficeAdmin):
    """Given and changed by hand; who withdraws one leaves it as a record."""

    menu_group, menu_icon, menu_place = PEOPLE, "key", 40
    list_display = ["role", "installation", "station", "user", "to_team", "team", "ends_at", "withdrawn_at"]
    list_filter = ["role", ("ends_at", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["installation", "station", "user", "to_team", "team"]
    search_fields = ["user__email", "to_team__name", "installation__name", "station__identity"]
    autocomplete_fields = ["installation", "station", "user", "to_team"]
    exclude = ["team"]
    readonly_fields = ["created_at", "created_by", "withdrawn_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Grant]:
        return super().get_queryset(request).defer("station__password")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.team_id = obj.place.team_id
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


@admin.register(Invitation)
class InvitationAdmin(ReportAdmin):
    """Made, sent again and revoked by the teams' administrators; here one sees what became of it."""

    menu_group, menu_icon, menu_place = PEOPLE, "outgoing_mail", 35
    list_display = ["email", "team", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at"]
    list_filter = ["role", ("expires_at", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email", "team__name"]
    exclude = ["nonce", "token_hash"]


@admin.register(AccountMail)
class AccountMailAdmin(ReportAdmin):
    """What is not sent is tried again by itself for two days, then it waits here for somebody."""

    menu_group, menu_icon, menu_place = PEOPLE, "mail", 60
    list_display = ["created_at", "kind", "email", "sent_at", "attempts", "error"]
    list_filter = ["kind", ("sent_at", admin.EmptyFieldListFilter), ("created_at", RangeDateTimeFilter)]
    search_fields = ["email"]
    actions = ["retry"]

    @admin.action(description=_("Try again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[AccountMail]) -> None:
        count = mails.retry_mails(AccountMail.objects.filter(pk__in=queryset.order_by().values("pk")))
        text = ngettext("%(count)d mail is tried again.", "%(count)d mails are tried again.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(ApiToken)
class ApiTokenAdmin(ReportAdmin):
    """Keys are made by their owners, who alone see them; here they are found and ended."""

    menu_group, menu_icon, menu_place = PEOPLE, "key", 40
    list_display = ["prefix", "user", "name", "scopes", "created", "expiry_date", "last_used_at", "revoked"]
    list_display_links = None  # a page of its own would have the key's hash in its address
    list_filter = ["revoked"]
    list_select_related = ["user"]
    search_fields = ["prefix", "user__email"]
    actions = ["revoke"]

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.filter(revoked=False))
        for token in tokens:  # one by one: the audit trail names each
            services.revoke_api_token(token=token, actor=cast(User, request.user))
        count = len(tokens)
        text = ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)


@admin.register(SignedInBrowser)
class SignedInBrowserAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "devices", 45
    list_display = ["user", "address", "agent", "created_at", "last_seen_at"]
    list_filter = [("last_seen_at", RangeDateTimeFilter)]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    actions = ["sign_out"]

    @admin.action(description=_("Sign out"))
    def sign_out(self, request: HttpRequest, queryset: QuerySet[SignedInBrowser]) -> None:
        rows = list(queryset.select_related("user"))
        for row in rows:
            browsers.sign_out(browser=row, actor=cast(User, request.user))
        text = ngettext("%(count)d browser is signed out.", "%(count)d browsers are signed out.", len(rows))
        self.message_user(request, text % {"count": len(rows)}, messages.SUCCESS)


@admin.register(FactorEnrolmentCode)
class FactorEnrolmentCodeAdmin(ReportAdmin):
    """Issued by an action of the list of people, or by the command line; here one sees by whom and when."""

    menu_group, menu_icon, menu_place = PEOPLE, "password", 46
    list_display = ["user", "created_by", "created_at", "expires_at", "used_at", "revoked_at"]
    list_filter = [("created_at", RangeDateTimeFilter)]
    list_select_related = ["user", "created_by"]
    search_fields = ["user__email"]
    exclude = ["code_hash"]


@admin.register(AddressChange)
class AddressChangeAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "alternate_email", 47
    list_display = ["user", "old_email", "new_email", "changed_at", "undone_at"]
    list_filter = [("changed_at", RangeDateTimeFilter)]
    list_select_related = ["user"]
    search_fields = ["user__email", "old_email", "new_email"]


if admin.site.is_registered(Authenticator):  # by allauth, whose pages show the secrets
    admin.site.unregister(Authenticator)


@admin.register(Program)
class ProgramAdmin(BackOfficeAdmin):
    """Teams add, change and revoke their programs; here support finds and ends them, and gives one another rate."""

    menu_group, menu_icon, menu_place = PEOPLE, "smart_toy", 45
    list_display = ["name", "team", "way", "created_at", "last_used_at", "requests_per_minute", "revoked_at"]
    list_filter = ["way", ("revoked_at", admin.EmptyFieldListFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["name", "team__name", "client_id", "keys__prefix"]
    fields = ["name", "team", "way", "client_id", "scopes", "requests_per_minute", "created_by", "created_at"]
    readonly_fields = [name for name in fields if name != "requests_per_minute"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[Program]) -> None:
        rows = list(queryset.filter(revoked_at__isnull=True).select_related("team"))
        for program in rows:
            programs.revoke_program(program=program, actor=cast(User, request.user))
        text = ngettext("%(count)d program was revoked.", "%(count)d programs were revoked.", len(rows))
        self.message_user(request, text % {"count": len(rows)}, messages.SUCCESS)


@admin.register(ProgramKey)
class ProgramKeyAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "vpn_key", 46
    list_display = ["prefix", "program", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), ("expires_at", RangeDateTimeFilter)]
    list_select_related = ["program"]
    search_fields = ["prefix", "program__name", "program__team__name"]
    exclude = ["hash", "warned_days"]


@admin.register(AccessToken)
class AccessTokenAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "token", 47
    list_display = ["program", "created_at", "expires_at"]
    list_select_related = ["program"]
    search_fields = ["program__name", "program__team__name"]
    exclude = ["hash"]


@admin.register(BillingDetails)
class BillingDetailsAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "receipt_long", 50
    list_display = ["team", "name", "city", "country", "vat_id", "email"]
    list_select_related = ["team"]
    search_fields = ["team__name", "name", "vat_id"]
    autocomplete_fields = ["team"]


@admin.register(TeamDomain)
class TeamDomainAdmin(ReportAdmin):
    """Teams name and prove their domains themselves; nobody proves one for them."""

    menu_group, menu_icon, menu_place = PEOPLE, "domain", 60
    list_display = ["domain", "purpose", "team", "proved_at", "points_here", "seen_at", "lost_at"]
    list_filter = ["purpose", ("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["domain", "team__name"]


@admin.register(Brand)
class BrandAdmin(BackOfficeAdmin):
    """Colours that cannot be read are refused here too; pictures are uploaded on the team's page only."""

    menu_group, menu_icon, menu_place = PEOPLE, "palette", 62
    list_display = ["team", "portal_name", "accent", "accent_dark", "changed_at"]
    list_select_related = ["team"]
    search_fields = ["team__name", "portal_name"]
    autocomplete_fields = ["team"]
    readonly_fields = ["changed_at"]


@admin.register(BrandPicture)
class BrandPictureAdmin(ReportAdmin):
    """To see what teams show, and to take down what must not be shown."""

    menu_group, menu_icon, menu_place = PEOPLE, "image", 64
    list_display = ["preview", "team", "kind", "size", "width", "height", "created_at"]
    list_filter = ["kind", ("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["team__name"]
    readonly_fields = ["preview"]

    @admin.display(description=_("Picture"))
    def preview(self, row: BrandPicture) -> str:
        return format_html('<img src="{}" alt="" height="24">', reverse("brand:picture", args=[row.key]))

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrandPicture]:
        return super().get_queryset(request).defer("content")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)


@admin.register(FormerHandle)
class FormerHandleAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "history", 70
    list_display = ["handle", "team", "created_at"]
    list_select_related = ["team"]
    search_fields = ["handle", "team__name"]


@admin.register(Enrolment)
class EnrolmentAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "how_to_reg", 80
    list_display = ["user", "team", "created_at"]
    list_select_related = ["user", "team"]
    search_fields = ["user__email", "team__name"]


if admin.site.is_registered(AuditEntry):  # by django-auditlog, whose pages would let it be deleted
    admin.site.unregister(AuditEntry)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "manage_history", 90
    list_display = ["timestamp", "actor_email", "remote_addr", "team", "content_type", "object_repr", "action"]
    list_filter = ["action", ("timestamp", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team", "content_type"]
    search_fields = ["actor_email", "object_repr"]
