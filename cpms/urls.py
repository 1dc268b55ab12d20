"""All URLs of the site."""

from django.contrib import admin
from django.urls import include, path

from accounts.programs.api import metadata
from accounts.sign_in.views import admin_login
from chargers.installations.urls import urlpatterns as place_patterns
from chargers.urls import urlpatterns as station_patterns
from cpms.common.observability.health import health_view
from cpms.portal import urls
from operations.urls import urlpatterns as operation_patterns
from sessions.urls import urlpatterns as session_patterns

handler500 = "cpms.portal.frame.failures.server_failure"
urlpatterns = [
    path("health/", health_view, name="health"),
    path(".well-known/oauth-authorization-server", metadata, name="oauth_metadata"),
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
    path("api/v1/", include("cpms.api_urls")),
    path("", include("accounts.urls.account")),
    path("account/", include("accounts.urls.sign_in")),
    path("team/", include("accounts.urls.team")),
    path("brand/", include("accounts.branding.urls")),
    path("stations/", include(([*station_patterns, *urls.station_patterns], "chargers"))),
    path("sessions/", include(([*session_patterns, *urls.session_patterns], "sessions"))),
    path("installations/", include(([*place_patterns, *urls.place_patterns], "places"))),
    path("access/", include("chargers.grants.urls")),
    path("operate/", include(([*operation_patterns, *urls.operation_patterns], "operations"))),
    path("maintenance/", include("maintenance.urls")),
    path("", include("cpms.portal.urls")),
]
