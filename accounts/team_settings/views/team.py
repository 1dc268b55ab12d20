"""A team's settings pages, and the choice of the team that a user works for."""

from __future__ import annotations

from typing import Any, cast

import django_filters
import django_tables2 as tables
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.features import FEATURES, feature_off_message
from accounts.access.rights import Can
from accounts.people.models import User
from accounts.sign_in import fresh_proof
from accounts.sign_in import models as sign_in_models
from accounts.team_settings.forms import BillingForm, DomainForm, FeaturesForm, SecurityForm, TeamForm
from accounts.team_settings.services import own_domains
from accounts.team_settings.services import team as team_services
from accounts.teams.models import BillingDetails, Team, TeamDomain
from accounts.teams.services import choose_team, current_team
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web.pages import AuthenticatedRequest, FormPage, ListPage
from cpms.common.web.tables import Table, two_lines

MAX_LISTED = 200


class TeamPage(FormPage):
    """A page of the current team's settings; support staff without one chooses a team first."""

    team: Team
    feature = ""  # the key of the feature that the page needs
    needs_proof = False  # whether the page needs a fresh proof of who the user is
    success_message: Any = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            team = current_team(request)
            if team is None and request.user.is_staff:
                return redirect("team:choose")
            if team is None or not request.user.access.may(Can.MANAGE_TEAM, team):
                raise PermissionDenied(_("Only administrators of the team can see and edit its settings."))
            if self.feature and not team.has_feature(self.feature):
                raise PermissionDenied(feature_off_message(self.feature))
            if self.needs_proof and not fresh_proof.is_confirmed(request):
                return fresh_proof.redirect_to_proof(request, request.path)
            self.team = team
        return super().dispatch(request, *args, **kwargs)

    @property
    def actor(self) -> User:
        return cast(User, self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(its_team=self.team, **kwargs)

    def done(self) -> HttpResponse:
        messages.success(self.request, str(self.success_message))
        return redirect(self.request.path)


class GeneralView(TeamPage):
    template_name = "accounts/team_settings/general.html"
    form_class = TeamForm
    success_message = gettext_lazy("Team saved.")

    def get_initial(self) -> dict[str, Any]:
        team = self.team
        return {"name": team.name, "handle": team.handle, "station_passwords": team.station_passwords}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        features = [{"feature": feature, "is_on": self.team.has_feature(feature.key)} for feature in FEATURES]
        return super().get_context_data(features=features, may_switch=self.actor.is_staff, **kwargs)

    def perform(self, form: TeamForm) -> HttpResponse:  # type: ignore[override]
        changes_storage = form.cleaned_data["station_passwords"] != self.team.station_passwords
        if changes_storage and not fresh_proof.is_confirmed(self.request):
            return fresh_proof.redirect_to_proof(self.request, self.request.path)
        team_services.edit_team(team=self.team, actor=self.actor, **form.cleaned_data)
        return self.done()


class BillingView(TeamPage):
    template_name = "accounts/team_settings/billing.html"
    form_class = BillingForm
    success_message = gettext_lazy("Billing details saved.")

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"instance": BillingDetails.objects.filter(team=self.team).first()}

    def perform(self, form: BillingForm) -> HttpResponse:  # type: ignore[override]
        team_services.edit_billing(team=self.team, values=form.cleaned_data, actor=self.actor)
        return self.done()


class SecurityView(TeamPage):
    """Whether the team requires two-factor authentication, and which members have not set it up."""

    template_name = "accounts/team_settings/security.html"
    form_class = SecurityForm
    needs_proof = True
    success_message = gettext_lazy("Security settings saved.")

    def get_initial(self) -> dict[str, Any]:
        return {"is_demanded": self.team.requires_two_factor}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        configured = Authenticator.objects.filter(type__in=sign_in_models.FACTOR_TYPES)
        members = User.objects.filter(memberships__team=self.team, is_active=True)
        without = members.exclude(pk__in=configured.values("user")).order_by("last_name", "first_name", "email")
        return super().get_context_data(
            without=without[:MAX_LISTED], count_without=without.count(), count=members.count(), **kwargs
        )

    def perform(self, form: SecurityForm) -> HttpResponse:  # type: ignore[override]
        team_services.set_two_factor_requirement(
            team=self.team, is_demanded=form.cleaned_data["is_demanded"], actor=self.actor
        )
        return self.done()


class FeaturesView(TeamPage):
    """Switch features (support staff only). The form is part of the page with the general settings."""

    form_class = FeaturesForm
    success_message = gettext_lazy("Features saved.")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(f"{reverse('team:general')}#features")

    def form_invalid(self, form: FeaturesForm) -> HttpResponse:  # type: ignore[override]
        messages.error(self.request, _("There is no such feature. Nothing was saved."))
        return redirect("team:general")

    def perform(self, form: FeaturesForm) -> HttpResponse:  # type: ignore[override]
        team_services.set_features(team=self.team, on=form.cleaned_data["on"], actor=self.actor)
        messages.success(self.request, str(self.success_message))
        return redirect("team:general")


class EnrolmentView(TeamPage):
    template_name = "accounts/team_settings/enrolment.html"
    form_class = DomainForm
    needs_proof = True
    success_message = gettext_lazy("Domain added. Now prove that it is yours.")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        domains = self.team.domains.filter(purpose=TeamDomain.Purpose.ENROLMENT)
        return super().get_context_data(domains=domains, **kwargs)

    def perform(self, form: DomainForm) -> HttpResponse:  # type: ignore[override]
        team_services.claim_domain(
            team=self.team,
            purpose=TeamDomain.Purpose.ENROLMENT,
            domain=form.cleaned_data["domain"],
            actor=self.actor,
        )
        return self.done()


@login_required
@require_http_methods(["POST"])
def domain_prove(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    row = _domain(request, pk)
    if not fresh_proof.is_confirmed(request):
        return fresh_proof.redirect_to_proof(request, _page_of(row))
    try:
        if row.purpose == TeamDomain.Purpose.PORTAL:
            own_domains.check_host(domain=row, actor=request.user)
        else:
            team_services.prove_domain(domain=row, actor=request.user)
        messages.success(request, _("%(domain)s is verified.") % {"domain": row.domain})
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except DomainError as error:
        messages.error(request, str(error))
    return redirect(_page_of(row))


@login_required
@require_http_methods(["GET", "POST"])
def domain_drop(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    row = _domain(request, pk)
    if not fresh_proof.is_confirmed(request):
        return fresh_proof.redirect_to_proof(request, _page_of(row))
    if request.method == "GET":
        return render(request, "accounts/team_settings/domain_drop.html", {"domain": row})
    team_services.remove_domain(domain=row, actor=request.user)
    messages.success(request, _("%(domain)s removed.") % {"domain": row.domain})
    return redirect(_page_of(row))


def _domain(request: AuthenticatedRequest, pk: int) -> TeamDomain:
    return get_object_or_404(TeamDomain.objects.visible_to(request.user).select_related("team"), pk=pk)


def _page_of(row: TeamDomain) -> str:
    return reverse("team:branding_hosts" if row.purpose == TeamDomain.Purpose.PORTAL else "team:enrolment")


# --- choice of the team -------------------------------------------------------------------------------------------


class TeamFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=gettext_lazy("Name or handle"), method="search")

    class Meta:
        model = Team
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(Q(name__icontains=value.strip()) | Q(handle__icontains=value.strip()))


class TeamTable(Table):
    name = tables.Column(verbose_name=gettext_lazy("Team"), orderable=True)
    action = tables.Column(verbose_name="", empty_values=(), attrs={"td": {"class": "num rhs"}})

    class Meta(Table.Meta):
        order_by = "name"

    def render_name(self, record: Team) -> SafeString:
        return two_lines(record.name, record.handle)

    def render_action(self, record: Any) -> SafeString:
        if record.is_current:
            return format_html('<span class="muted">{}</span>', _("current team"))
        return SafeString(
            render_to_string("accounts/team_settings/parts/switch.html", {"team": record}, record.request)
        )


class TeamChooseView(ListPage):
    """The teams that the user can switch to: their own, or all for support staff."""

    model = Team
    table_class = TeamTable
    filterset_class = TeamFilterSet
    template_name = "accounts/team_settings/choose.html"

    def rows(self) -> QuerySet[Any]:
        user: Any = self.request.user
        return Team.objects.all() if user.is_staff else Team.objects.filter(pk__in=user.access.team_ids)

    def decorate(self, records: list[Any]) -> None:
        current = current_team(self.request)
        for team in records:
            team.is_current, team.request = team == current, self.request


@login_required
@require_POST
def team_switch(request: AuthenticatedRequest) -> HttpResponse:
    """Switch the current team, and stay on the same page."""
    user, key = request.user, request.POST.get("team", "")
    teams = Team.objects.all() if user.is_staff else Team.objects.filter(pk__in=user.access.team_ids)
    team = get_object_or_404(teams, pk=int(key) if key.isdecimal() and len(key) < 18 else 0)
    choose_team(request, team)
    messages.success(request, _("You now work for %(team)s.") % {"team": team.name})
    next_url = request.POST.get("next", "")
    is_safe = url_has_allowed_host_and_scheme(next_url, {request.get_host()}, require_https=request.is_secure())
    return redirect(next_url if is_safe else "portal:dashboard")
