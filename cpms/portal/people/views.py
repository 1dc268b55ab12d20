"""The page Settings > Users: the user and the members of teams they administer; and the export of one's own data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit.services import record_own_data_download
from accounts.members.services import people
from accounts.models import Membership, User
from chargers.models import Tag
from chargers.tags.services.persons import Problem, TagsRefused, WantedTag, set_tags_of_person
from cpms.common.errors import DomainError
from cpms.common.text.typed import whole_number
from cpms.common.web.pages import AuthenticatedRequest, FormPage, ListPage
from cpms.portal.people.filtersets import PersonFilterSet
from cpms.portal.people.forms import PersonForm
from cpms.portal.people.tables import PersonTable
from operations.models import Command
from sessions.models import ChargingSession

MAX_TAGS = 100
MAX_DELETED = 50  # users in one request
DISPLAY_FIELDS = ("time_zone", "theme", "date_format", "number_format")


class UserListView(ListPage):
    model = User
    table_class = PersonTable
    filterset_class = PersonFilterSet
    template_name = "portal/people/user_list.html"

    def rows(self) -> QuerySet[Any]:
        """Return the users with only those memberships and tags that belong to teams which the reader manages."""
        actor: Any = self.request.user
        teams = people.Can.MANAGE_TEAM
        memberships = Membership.objects.allowed(actor, teams).select_related("team").order_by("team__name")
        tags = Tag.objects.allowed(actor, teams).order_by("value")
        return people.users_managed_by(actor).prefetch_related(
            Prefetch("memberships", queryset=memberships), Prefetch("tags", queryset=tags)
        )


class UserEditView(FormPage):
    template_name = "portal/people/user_edit.html"
    form_class = PersonForm
    request: AuthenticatedRequest
    problems: Mapping[int, Problem] = MappingProxyType({})  # by the number of the tag's row

    @cached_property
    def person(self) -> User:
        return get_object_or_404(people.users_managed_by(self.request.user), pk=self.kwargs["pk"])

    def get_form_kwargs(self) -> dict[str, Any]:
        actor, person = self.request.user, User.objects.get(pk=self.person.pk)
        memberships = list(people.editable_memberships(actor, person))
        reason = people.personal_data_refusal(actor, person)
        return super().get_form_kwargs() | {"instance": person, "memberships": memberships, "read_only_reason": reason}

    def _tags(self) -> QuerySet[Tag]:
        """Return the tags that may be edited: those of teams which the reader manages."""
        return Tag.objects.allowed(self.request.user, people.Can.MANAGE_TEAM).filter(user=self.person).order_by("value")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        teams = people.shared_teams(self.request.user, self.person)
        tags = list(self._tags()[:MAX_TAGS])
        rows = [{"pk": tag.pk, "value": tag.value, "label": tag.label, "kind": tag.kind} for tag in tags]
        if self.request.method == "POST":  # keep what was typed if the form has errors
            values = {tag.pk: tag.value for tag in tags}
            rows = [
                {
                    "pk": row.pk or "",
                    "value": values.get(row.pk or 0, row.value),
                    "label": row.label,
                    "kind": row.kind,
                    "number": number,
                    "problem": self.problems.get(number),
                    "is_agreed": number in self.problems and self.problems[number].consent in self._consents(),
                }
                for number, row in enumerate(self._submitted_tags())
            ]
        others = self.person.tags.exclude(pk__in=[tag.pk for tag in tags]) if self.person == self.request.user else []
        return super().get_context_data(**kwargs) | {
            "person": self.person,
            "teams": teams,
            "tags": rows,
            "shown": [tag.pk for tag in tags],
            "other_tags": others,
            "kinds": Tag.Kind.choices,
        }

    def _submitted_tags(self) -> Iterator[WantedTag]:
        """Yield the submitted rows of tags. The request contains each column as a list."""
        data = self.request.POST
        columns = (data.getlist(f"tag_{name}")[:MAX_TAGS] for name in ("pk", "value", "label", "kind"))
        for pk, value, label, kind in zip(*columns, strict=False):
            yield WantedTag(pk=whole_number(pk), value=value, label=label, kind=kind)

    def _consents(self) -> list[str]:
        return self.request.POST.getlist("tag_consent")[:MAX_TAGS]

    def perform(self, form: PersonForm) -> HttpResponse:  # type: ignore[override]
        data, actor = self.request.POST, self.request.user
        teams = people.shared_teams(actor, self.person)
        team = teams.filter(handle=data["team"]).first() if data.get("team") else teams.first()
        shown = [key for pk in data.getlist("tag_shown") if (key := whole_number(pk)) is not None]
        try:
            with transaction.atomic():
                people.edit_person(person=self.person, actor=actor, **form.changes)
                set_tags_of_person(
                    person=self.person,
                    team=team,
                    wanted=list(self._submitted_tags()),
                    shown=shown,
                    actor=actor,
                    consents=self._consents(),
                )
        except TagsRefused as error:
            self.problems = error.problems
            form.add_error(None, _("Not saved. Please check the tags below."))
            return self.form_invalid(form)  # type: ignore[arg-type]
        messages.success(self.request, _("%(name)s saved.") % {"name": self.person})
        return redirect("portal:user_list")


@login_required
@require_http_methods(["GET", "POST"])
def user_delete(request: AuthenticatedRequest) -> HttpResponse:
    """Ask for confirmation on GET, and delete the selected users on a confirmed POST."""
    data = request.GET if request.method == "GET" else request.POST
    keys = [key for pk in data.getlist("user")[:MAX_DELETED] if (key := whole_number(pk)) is not None]
    chosen = list(people.users_managed_by(request.user).filter(pk__in=keys).order_by("email"))
    if not chosen:
        messages.error(request, _("Select the users to delete."))
        return redirect("portal:user_list")
    if request.method == "GET":
        context = {"persons": chosen, "is_me": request.user in chosen}
        return render(request, "portal/people/user_delete.html", context)
    if data.get("confirm") != "yes":
        return redirect("portal:user_list")
    is_me = False
    try:
        with transaction.atomic():
            erased = [people.erase_person(person=person, actor=request.user) for person in chosen]
            is_me = any(is_gone and person == request.user for person, is_gone in zip(chosen, erased, strict=True))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("portal:user_list")
    if is_me:
        logout(request)
        messages.success(request, _("Your account was deleted."))
        return redirect("accounts:login")
    gone, left = erased.count(True), erased.count(False)
    if gone:
        messages.success(request, ngettext("%(n)d user deleted.", "%(n)d users deleted.", gone) % {"n": gone})
    if left:
        sentence = ngettext(
            "%(n)d user is also in other teams and only left yours.",
            "%(n)d users are also in other teams and only left yours.",
            left,
        )
        messages.success(request, sentence % {"n": left})
    return redirect("portal:user_list")


@login_required
@require_safe
def own_data(request: AuthenticatedRequest) -> HttpResponse:
    """Download all data stored about the user, as JSON."""
    user = request.user
    document = {
        "made_at": timezone.now(),
        "person": {
            name: getattr(user, name)
            for name in ("email", "email_verified_at", *people.FIELDS, *DISPLAY_FIELDS, "date_joined", "last_login")
        },
        "memberships": list(user.memberships.values("team__name", "role", "employee_number", "created_at")),
        "grants": list(
            user.grants.values(
                "role", "installation__name", "station__identity", "created_at", "ends_at", "withdrawn_at"
            )
        ),
        "tags": list(user.tags.values("value", "label", "kind", "status", "team__name", "created_at", "expires_at")),
        "api_tokens": list(
            user.api_tokens.values("prefix", "name", "scopes", "created", "expiry_date", "last_used_at", "revoked")
        ),
        "sessions": list(
            ChargingSession.objects.filter(tag__user=user)
            .order_by("pk")
            .values("id", "station__identity", "connector_number", "id_tag", "started_at", "stopped_at", "energy_wh")
        ),
        "second_factors": [
            {"type": row.type, "created_at": row.created_at, "last_used_at": row.last_used_at}
            for row in Authenticator.objects.filter(user=user).order_by("pk")
        ],
        "browsers": list(user.browsers.values("address", "agent", "created_at", "last_seen_at")),
        "notifications": list(user.notification_choices.values("kind", "bell", "mail")),
        "commands": list(
            Command.objects.filter(requested_by=user)
            .order_by("pk")
            .values("id", "station__identity", "kind", "state", "requested_at")
        ),
    }
    record_own_data_download(user, "my-data")
    response = JsonResponse(document, json_dumps_params={"indent": 1, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    response["Cache-Control"] = "no-store"
    return response
