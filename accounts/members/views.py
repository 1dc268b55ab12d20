"""Pages for the members of a team, for inviting members, and for accepting an invitation."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access.rights import Can, Role
from accounts.members.forms import InviteForm, JoinForm
from accounts.members.models import Invitation
from accounts.members.services import invitations
from accounts.members.tables import InvitationTable, TeammateTable
from accounts.people.models import Membership, User
from accounts.profile.views import invalid_link_page
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.web.pages import AuthenticatedRequest, FormPage, add_errors


def own_teams(user: User) -> QuerySet[Team]:
    """Return the teams of this user; all teams for support staff."""
    teams: QuerySet[Team] = (
        Team.objects.all() if user.access.sees_all_teams else Team.objects.filter(pk__in=user.access.team_ids)
    )
    return teams.order_by("name")


class TeammatesView(FormPage):
    """The members of a team. Administrators invite members, change roles and remove members."""

    template_name = "accounts/members/teammates.html"
    form_class = InviteForm
    request: AuthenticatedRequest

    @cached_property
    def team(self) -> Team | None:
        teams, handle = own_teams(self.request.user), self.request.GET.get("team", "")
        if not handle:
            return teams.first()
        return get_object_or_404(teams, handle=handle)

    def get_initial(self) -> dict[str, Any]:
        return {"language": translation.get_language()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        team, user = self.team, self.request.user
        context = super().get_context_data(**kwargs) | {"shown": team, "teams": own_teams(user)[:50]}
        if team is None:
            return context
        may_manage = user.access.may(Can.MANAGE_TEAM, team)
        members = team.memberships.select_related("user", "team").order_by(
            "user__last_name", "user__first_name", "user__email"
        )
        waiting = Invitation.objects.filter(team=team).open().select_related("invited_by")
        return context | {
            "may_manage": may_manage,
            "table": TeammateTable(members, actor=user, may_manage=may_manage),
            "waiting": InvitationTable(waiting) if may_manage and waiting.exists() else None,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.team is None:
            raise Http404
        if not self.request.user.access.may(Can.MANAGE_TEAM, self.team):
            raise PermissionDenied(_("Only administrators of the team may do this."))
        return super().post(request, *args, **kwargs)

    def perform(self, form: InviteForm) -> HttpResponse:  # type: ignore[override]
        data = form.cleaned_data
        assert self.team is not None  # noqa: S101 - see post
        invitations.invite(team=self.team, actor=self.request.user, **data)
        messages.success(self.request, _("Invitation sent to %(email)s.") % {"email": data["email"]})
        return redirect(teammates_url(self.team))


def teammates_url(team: Team) -> str:
    return f"{reverse('accounts:teammates')}?team={team.handle}"


def _membership(request: AuthenticatedRequest, pk: int) -> Membership:
    rows = Membership.objects.select_related("user", "team").filter(team__in=own_teams(request.user))
    return get_object_or_404(rows, pk=pk)


@login_required
@require_http_methods(["GET", "POST"])
def teammate_role(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    if not request.user.access.may(Can.MANAGE_TEAM, membership.team):
        raise PermissionDenied(_("Only administrators of the team may do this."))
    if request.method == "GET":
        return render(request, "accounts/members/teammate_role.html", {"membership": membership, "roles": Role.choices})
    try:
        invitations.change_role(membership=membership, role=request.POST.get("role", ""), actor=request.user)
        sentence = _("Role of %(name)s changed.") % {"name": membership.user}
        messages.success(request, sentence)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect(teammates_url(membership.team))


@login_required
@require_http_methods(["GET", "POST"])
def teammate_remove(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Remove a member, or leave the team if the member is the user."""
    membership = _membership(request, pk)
    is_me = membership.user_id == request.user.pk
    if not is_me and not request.user.access.may(Can.MANAGE_TEAM, membership.team):
        raise PermissionDenied(_("Only administrators of the team may do this."))
    if request.method == "GET":
        return render(request, "accounts/members/teammate_remove.html", {"membership": membership, "is_me": is_me})
    try:
        invitations.remove_member(membership=membership, actor=request.user)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(teammates_url(membership.team))
    if is_me:
        messages.success(request, _("You left %(team)s.") % {"team": membership.team})
        return redirect("accounts:teammates")
    messages.success(request, _("%(name)s removed from the team.") % {"name": membership.user})
    return redirect(teammates_url(membership.team))


def _invitation(request: AuthenticatedRequest, pk: int) -> Invitation:
    """Return an invitation: 404 outside the team, 403 for members who are not administrators."""
    rows = Invitation.objects.select_related("team").filter(team__in=own_teams(request.user))
    found: Invitation = get_object_or_404(rows, pk=pk)
    if not request.user.access.may(Can.MANAGE_TEAM, found.team):
        raise PermissionDenied(_("Only administrators of the team may do this."))
    return found


@login_required
@require_POST
def invitation_resend(request: AuthenticatedRequest, invitation: int) -> HttpResponse:
    found = _invitation(request, invitation)
    try:
        invitations.resend(invitation=found, actor=request.user)
        sentence = _("Invitation sent to %(email)s again. The old link no longer works.")
        messages.success(request, sentence % {"email": found.email})
    except DomainError as error:
        messages.error(request, str(error))
    return redirect(teammates_url(found.team))


@login_required
@require_http_methods(["GET", "POST"])
def invitation_revoke(request: AuthenticatedRequest, invitation: int) -> HttpResponse:
    found = _invitation(request, invitation)
    if request.method == "GET":
        return render(request, "accounts/members/invitation_revoke.html", {"invitation": found})
    try:
        invitations.revoke(invitation=found, actor=request.user)
        messages.success(request, _("Invitation of %(email)s revoked.") % {"email": found.email})
    except DomainError as error:
        messages.error(request, str(error))
    return redirect(teammates_url(found.team))


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class InvitationView(View):
    """Accept an invitation: new users enter name and password, others sign in and confirm."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        except DomainError as error:
            return invalid_link_page(request, str(error), is_invitation=True)

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = invitations.find_invitation(token)
        user = request.user
        if user.is_authenticated:
            invitations.check_recipient(invitation, user)
            return render(request, "accounts/members/invitation.html", {"invitation": invitation})
        if User.objects.filter(email__iexact=invitation.email).exists():
            messages.info(request, _("You already have an account. Sign in to accept the invitation."))
            return redirect_to_login(request.path)
        if invitation.language in dict(settings.LANGUAGES):
            translation.activate(invitation.language)
        return self._join_page(request, invitation, JoinForm())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        if request.user.is_authenticated:
            team = invitations.accept_as(token=token, user=request.user)
            messages.success(request, _("You are now a member of %(team)s.") % {"team": team})
            return redirect("portal:dashboard")
        invitation = invitations.find_invitation(token)
        form = JoinForm(request.POST, user=User(email=invitation.email))
        if not form.is_valid():
            return self._join_page(request, invitation, form)
        data = form.cleaned_data
        try:
            user = invitations.accept_as_new(
                token=token,
                first_name=data["first_name"],
                last_name=data["last_name"],
                password=data["password1"],
            )
        except DomainError as error:
            add_errors(form, error)
            return self._join_page(request, invitation, form)
        messages.success(request, _("Welcome! You are now a member of %(team)s.") % {"team": invitation.team})
        return perform_login(request, Login(user=user, email=user.email))

    def _join_page(self, request: HttpRequest, invitation: Invitation, form: JoinForm) -> HttpResponse:
        context = {"invitation": invitation, "form": form}
        return render(request, "accounts/members/join.html", context, status=422 if form.errors else 200)
