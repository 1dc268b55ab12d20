"""The URLs of the REST API, version 1."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import APIRootView, DefaultRouter
from rest_framework.views import APIView

from accounts.members.api import InvitationViewSet, MemberViewSet
from accounts.programs.api import AccessTokenView, TokenView, TokenViewSet
from chargers.grants.api import GrantViewSet
from chargers.groups.api import GroupViewSet
from chargers.installations.api import InstallationViewSet
from chargers.onboarding.api import IDENTITY, StationViewSet
from chargers.stations.api import ConnectorViewSet
from chargers.tags.api import TagViewSet
from cpms.common.api.base import PersonThrottle
from cpms.portal.drivers.api import OwnPlacesView, OwnSessionsView, OwnStartView, OwnStopView, OwnTagsView
from cpms.setup.api import SetupView
from maintenance.connections.api import DeviationViewSet, RefusedConnectionViewSet, StationDeviationsView
from maintenance.messages.api import MessageViewSet
from maintenance.notifications.api import NotificationViewSet
from maintenance.security_events.api import SecurityEventViewSet
from operations.commands.api import CommandViewSet, StationCommandsView
from sessions.adoption.api import RefusedTagViewSet
from sessions.insights.api import GapViewSet
from sessions.ledger.api import SessionViewSet
from sessions.samples.api import SampleViewSet


class NowhereView(APIView):
    """Answers unknown URLs with a problem (404) instead of a page."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [PersonThrottle]
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(_("There is nothing at this address. Addresses of the API end with a slash."))


class RootView(APIRootView):
    """The list of resources."""

    throttle_classes = [PersonThrottle]


class Router(DefaultRouter):
    APIRootView = RootView
    include_format_suffixes = False  # an identity may end with '.json'


OPEN: dict[str, Any] = {"throttle_classes": [PersonThrottle]}
router = Router()
router.register("stations", StationViewSet, basename="station")
router.register("installations", InstallationViewSet, basename="installation")
router.register("connectors", ConnectorViewSet, basename="connector")
router.register("sessions", SessionViewSet, basename="session")
router.register("samples", SampleViewSet, basename="sample")
router.register("commands", CommandViewSet, basename="command")
router.register("messages", MessageViewSet, basename="message")
router.register("gaps", GapViewSet, basename="gap")
router.register("security-events", SecurityEventViewSet, basename="security-event")
router.register("deviations", DeviationViewSet, basename="deviation")
router.register("refused-connections", RefusedConnectionViewSet, basename="refused-connection")
router.register("grants", GrantViewSet, basename="grant")
router.register("groups", GroupViewSet, basename="group")
router.register("tags", TagViewSet, basename="tag")
router.register("refused-tags", RefusedTagViewSet, basename="refused-tag")
router.register("members", MemberViewSet, basename="member")
router.register("invitations", InvitationViewSet, basename="invitation")
router.register("notifications", NotificationViewSet, basename="notification")
router.register("tokens", TokenViewSet, basename="token")

app_name = "api"
urlpatterns = [
    path("token/", TokenView.as_view(), name="token"),
    path("oauth/token/", AccessTokenView.as_view(), name="oauth_token"),
    path("schema/", SpectacularAPIView.as_view(**OPEN), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema", **OPEN), name="docs"),
    re_path(rf"^stations/(?P<identity>{IDENTITY})/commands/$", StationCommandsView.as_view(), name="station-commands"),
    re_path(
        rf"^stations/(?P<identity>{IDENTITY})/deviations/$", StationDeviationsView.as_view(), name="station-deviations"
    ),
    path("setup/", SetupView.as_view(), name="setup"),
    path("own/sessions/", OwnSessionsView.as_view(), name="own-sessions"),
    path("own/tags/", OwnTagsView.as_view(), name="own-tags"),
    path("own/places/", OwnPlacesView.as_view(), name="own-places"),
    re_path(rf"^own/places/(?P<identity>{IDENTITY})/start/$", OwnStartView.as_view(), name="own-start"),
    re_path(r"^own/sessions/(?P<pk>\d{1,18})/stop/$", OwnStopView.as_view(), name="own-stop"),
    *router.urls,
    re_path(r"", extend_schema(exclude=True)(NowhereView).as_view(), name="nowhere"),
]
