"""Pages for the applications of a team (team settings > API) and for a user's own API tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_tables2 as tables
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access.rights import Can
from accounts.people.models import ApiToken, User
from accounts.programs.forms import ApiTokenForm, ProgramAddForm, ProgramForm, RotateForm
from accounts.programs.models import Program, ProgramKey
from accounts.programs.services import programs, tokens
from accounts.programs.tables import ApiTokenTable
from accounts.sign_in import fresh_proof
from accounts.team_settings.views.team import TeamPage
from cpms.common.web import formatting
from cpms.common.web.pages import AuthenticatedRequest, FormPage
from cpms.common.web.tables import WIDE, MomentColumn, Table, two_lines

EXPIRES_SOON = timedelta(days=max(programs.WARN_DAYS))


def status_badge(program: Any) -> SafeString:
    """Return the status badge of an application that was loaded by `with_keys`."""
    if program.revoked_at is not None:
        return formatting.status("neutral", _("Revoked"))
    if not program.is_open:
        return formatting.status("bad", _("Expired"))
    if program.expires_at is not None and program.expires_at <= timezone.now() + EXPIRES_SOON:
        return formatting.status("warn", _("Expires soon"))
    return formatting.tick(True, _("In use") if program.last_used_at else _("Ready"))


class ProgramTable(Table):
    name = tables.Column(verbose_name=gettext_lazy("Application"))
    state = tables.Column(verbose_name=gettext_lazy("Status"), empty_values=(), attrs={"td": {"class": "rhs"}})
    scopes = tables.Column(verbose_name=gettext_lazy("Permissions"), attrs=WIDE)
    last_used_at = MomentColumn(verbose_name=gettext_lazy("Last used"), never=gettext_lazy("Not used yet."), attrs=WIDE)
    expires_at = MomentColumn(verbose_name=gettext_lazy("Key expires"), never=gettext_lazy("No end date."), attrs=WIDE)
    created_by = tables.Column(verbose_name=gettext_lazy("Created by"), empty_values=(), attrs=WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_name(self, record: Any) -> SafeString:
        link = format_html('<a href="{}">{}</a>', reverse("team:program_edit", args=[record.pk]), record.name)
        about = format_html('<span class="mono">{}{}…</span>', programs.KEY_PREFIX, record.prefix)
        return two_lines(link, format_html("{} · {}", record.get_way_display(), about))

    def render_state(self, record: Any) -> SafeString:
        return status_badge(record)

    def render_scopes(self, value: list[str]) -> SafeString:
        return format_html_join(" ", "<code>{}</code>", ((scope,) for scope in value))

    def render_created_by(self, record: Program) -> SafeString | str:
        return str(record.created_by) if record.created_by else formatting.dash(_("This user has been deleted."))


class KeyTable(Table):
    prefix = tables.Column(verbose_name=gettext_lazy("Key"), attrs={"td": {"class": "mono"}})
    state = tables.Column(verbose_name=gettext_lazy("Status"), empty_values=(), attrs={"td": {"class": "rhs"}})
    created_at = MomentColumn(verbose_name=gettext_lazy("Created"), attrs=WIDE)
    last_used_at = MomentColumn(verbose_name=gettext_lazy("Last used"), never=gettext_lazy("Not used yet."), attrs=WIDE)
    expires_at = MomentColumn(verbose_name=gettext_lazy("Expires"), never=gettext_lazy("No end date."), attrs=WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_prefix(self, value: str) -> str:
        return f"{programs.KEY_PREFIX}{value}…"

    def render_state(self, record: ProgramKey) -> SafeString:
        if record.revoked_at is not None:
            return formatting.status("neutral", _("Revoked"))
        return formatting.tick(True, _("Valid")) if record.is_valid else formatting.status("neutral", _("Expired"))


class ProgramsView(TeamPage):
    """The applications of the team with their status."""

    template_name = "accounts/programs/programs.html"
    form_class = ProgramForm
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Program.objects.filter(team=self.team).with_keys().select_related("created_by")
        table = ProgramTable(rows.order_by("revoked_at", "-pk")[:500])
        return super().get_context_data(table=table, has_programs=rows.exists(), **kwargs)


class SecretMixin:
    """Show a new secret in the response to the form. It is shown nowhere else."""

    request: HttpRequest

    def show_secret(self, program: Program, secret: str, note: str) -> HttpResponse:
        context = {
            "program": program,
            "secret": secret,
            "note": note,
            "its_team": program.team,
            "site": settings.PUBLIC_URL,
        }
        response = render(self.request, "accounts/programs/program_secret.html", context)
        response["Cache-Control"] = "no-store"
        return response


@method_decorator(never_cache, name="dispatch")
class ProgramAddView(SecretMixin, TeamPage):
    template_name = "accounts/programs/program_add.html"
    form_class = ProgramAddForm
    needs_proof = True

    def perform(self, form: ProgramAddForm) -> HttpResponse:  # type: ignore[override]
        data = form.cleaned_data
        program, secret = programs.add_program(
            team=self.team,
            name=data["name"],
            scopes=data["scopes"],
            way=data["way"],
            expires_at=form.expires_at,
            actor=self.actor,
        )
        return self.show_secret(program, secret, "")


class ProgramPage(SecretMixin, FormPage):
    """A page that edits an application or its key. It needs a fresh proof of who the user is.

    404 outside of the application's team, 403 for members who do not manage the team.
    """

    program: Program
    request: AuthenticatedRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            self.program = program_of(request.user, kwargs["pk"])
            if not fresh_proof.is_confirmed(request):
                return fresh_proof.redirect_to_proof(request, request.path)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(program=self.program, its_team=self.program.team, **kwargs)


def program_of(user: User, pk: int) -> Program:
    """Return an application that this user may manage.

    Raises:
        Http404: it belongs to none of the user's teams.
        PermissionDenied: the user does not manage its team.
    """
    rows = Program.objects.with_keys().select_related("team", "created_by")
    program: Program = get_object_or_404(rows if user.is_staff else rows.filter(team__in=user.access.team_ids), pk=pk)
    if not user.access.may(Can.MANAGE_TEAM, program.team):
        raise PermissionDenied(_("Only administrators of the team can manage its applications."))
    return program


class ProgramEditView(ProgramPage):
    template_name = "accounts/programs/program_edit.html"
    form_class = ProgramForm

    def get_initial(self) -> dict[str, Any]:
        return {"name": self.program.name, "scopes": self.program.scopes}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        keys = KeyTable(self.program.keys.all()[:50])
        rate = self.program.requests_per_minute or settings.API_PROGRAM_RATE
        return super().get_context_data(keys=keys, rate=rate, status=status_badge(self.program), **kwargs)

    def perform(self, form: ProgramForm) -> HttpResponse:  # type: ignore[override]
        programs.edit_program(program=self.program, actor=self.request.user, **form.cleaned_data)
        messages.success(self.request, _("Application saved."))
        return redirect("team:programs")


@method_decorator(never_cache, name="dispatch")
class ProgramRotateView(ProgramPage):
    template_name = "accounts/programs/program_rotate.html"
    form_class = RotateForm

    def perform(self, form: RotateForm) -> HttpResponse:  # type: ignore[override]
        hours = form.cleaned_data["overlap_hours"]
        _key, secret = programs.rotate_key(
            program=self.program, overlap_hours=hours, expires_at=form.expires_at, actor=self.request.user
        )
        until = formatting.date_time(timezone.now() + timedelta(hours=hours))
        note = _("The old key works until %(until)s.") % {"until": until} if hours else _("The old key has expired.")
        return self.show_secret(self.program, secret, note)


@login_required
@require_http_methods(["GET", "POST"])
def program_revoke(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    program = program_of(request.user, pk)
    if request.method == "GET":
        return render(request, "accounts/programs/program_revoke.html", {"program": program})
    programs.revoke_program(program=program, actor=request.user)
    messages.success(request, _("Application “%(name)s” revoked.") % {"name": program.name})
    return redirect("team:programs")


@method_decorator(fresh_proof.requires_proof, name="dispatch")
class ApiTokenListView(FormPage):
    """The user's API tokens. The key of a new one is only in the response to its creation."""

    template_name = "accounts/programs/api_tokens.html"
    form_class = ApiTokenForm
    request: AuthenticatedRequest
    key = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        tokens = ApiToken.objects.filter(user=self.request.user).order_by("revoked", "-created")
        table = ApiTokenTable(tokens)
        return super().get_context_data(table=table, has_tokens=tokens.exists(), key=self.key, **kwargs)

    def perform(self, form: ApiTokenForm) -> HttpResponse:  # type: ignore[override]
        _token, self.key = tokens.issue_api_token(user=self.request.user, **form.token_arguments)
        response = self.render_to_response(self.get_context_data(form=ApiTokenForm()))
        response["Cache-Control"] = "no-store"
        return response


@login_required
@require_http_methods(["GET", "POST"])
def api_token_revoke(request: AuthenticatedRequest, prefix: str) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.filter(user=request.user), prefix=prefix)
    if request.method == "GET":
        return render(request, "accounts/programs/api_token_revoke.html", {"token": token})
    tokens.revoke_api_token(token=token, actor=request.user)
    messages.success(request, _("Token “%(name)s” revoked.") % {"name": token.name})
    return redirect("accounts:api_tokens")
