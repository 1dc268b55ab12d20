"""The pages of an installation that list rows of other apps: its sessions, its tags and the access to it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from chargers.grants.panels import GrantList
from chargers.installations import panels
from chargers.models import ChargingStation, Installation
from chargers.tags import panels as tag_panels
from cpms.common.database.paging import keys_if_few
from cpms.common.web.pages import DetailPage
from sessions.ledger.panels import SessionList


class OfInstallation:
    """Limits a list to the installation that the URL names; 404 for users who do not see it."""

    request: HttpRequest
    installation: Any
    tab: str

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            reachable = Installation.objects.reachable_by(request.user).select_related("team")
            self.installation = get_object_or_404(reachable, pk=kwargs["pk"])
            if refusal := self.refusal():
                raise PermissionDenied(refusal)
        return super().get(request, **kwargs)  # type: ignore[misc]

    def refusal(self) -> str:
        """Return why the user may not see this list, or an empty text."""
        raise NotImplementedError

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        user: Any = self.request.user
        return panels.page_context(self.installation, user, self.tab)


class InstallationSessionsView(OfInstallation, SessionList):
    template_name = "portal/installations/sessions.html"
    tab = "installation_sessions"

    def refusal(self) -> str:
        if panels.may_see_sessions(self.installation, self.request.user):  # type: ignore[arg-type]
            return ""
        return _("Only members of the team and owners can see the sessions of this installation.")

    def rows(self) -> QuerySet[Any]:
        return super().rows().filter(station__in=self._stations())

    def station_keys(self, filterset: Any) -> list[int] | None:
        return keys_if_few(self._stations())

    def _stations(self) -> QuerySet[Any]:
        return ChargingStation.objects.filter(installation=self.installation).order_by()


class InstallationAccessView(OfInstallation, GrantList):
    template_name = "portal/installations/access.html"
    tab = "installation_access"

    def refusal(self) -> str:
        if self.request.user.access.may(Can.MANAGE_ACCESS, self.installation):  # type: ignore[union-attr]
            return ""
        return _("Only administrators of the team and owners can see who has access.")

    def rows(self) -> QuerySet[Any]:
        here = Q(installation=self.installation) | Q(station__installation=self.installation)
        return super().rows().filter(here)


class InstallationCardsView(DetailPage):
    """The tags that are valid at all stations of an installation."""

    model = Installation
    template_name = "portal/installations/cards.html"
    context_object_name = "installation"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("team")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        cards = tag_panels.cards(self.object, user)
        if cards is None:
            raise PermissionDenied(_("Only members of the team can see its tags."))
        return super().get_context_data(
            cards=cards, **panels.page_context(self.object, user, "installation_cards"), **kwargs
        )
