"""URLs of pages that combine several apps. Those of stations, sessions and commands are in the namespaces of these."""

from django.urls import path

from chargers.groups import views as groups
from chargers.groups.panels import ADD_TO_GROUP
from chargers.installations.panels import MOVE_TO_CIRCUIT
from chargers.onboarding import views as onboarding
from chargers.stations import views as station_lists
from chargers.stations.panels import ACTIVITY_ACTIONS
from chargers.tags import views as tags
from cpms.portal.dashboard import views as dashboard_views
from cpms.portal.drivers import views as own
from cpms.portal.frame import mails, search, site
from cpms.portal.frame import views as frame_views
from cpms.portal.installations import views as installations
from cpms.portal.operations import views as operate
from cpms.portal.people import views as people
from cpms.portal.sessions import views as charging
from cpms.portal.stations import views as stations_views
from cpms.portal.styleguide import views as styleguide_views
from maintenance.notifications import views as notifications
from operations.commands.panels import STATION_COMMANDS
from sessions.insights import views as insights
from sessions.ledger.panels import tag_sessions
from sessions.ledger.panels.columns import CONNECTOR_USAGE, STATION_POWER, TAG_USAGE
from sessions.samples import views as samples

app_name = "portal"
urlpatterns = [
    path("settings/users/", people.UserListView.as_view(), name="user_list"),
    path("settings/users/<int:pk>/", people.UserEditView.as_view(), name="user_edit"),
    path("settings/users/delete/", people.user_delete, name="user_delete"),
    path("account/data/", people.own_data, name="own_data"),
    path("account/notifications/", notifications.notification_choices, name="notification_choices"),
    path("mails/", mails.mail_list, name="mail_list"),
    path("mails/<slug:name>/", mails.mail_html, name="mail_html"),
    path("", dashboard_views.dashboard, name="dashboard"),
    path("charging/", own.own, name="own"),
    path("charging/live/", own.own_live, name="own_live"),
    path("charging/stations/<int:pk>/start/", own.own_start, name="own_start"),
    path("charging/sessions/<int:pk>/stop/", own.own_stop, name="own_stop"),
    path("dashboard/live/", dashboard_views.dashboard_live, name="dashboard_live"),
    path("dashboard/sessions.json", insights.sessions_per_day_chart, name="dashboard_sessions"),
    path("dashboard/power.json", insights.power_of_day_chart, name="dashboard_power"),
    path("permissions/", frame_views.permissions, name="permissions"),
    path("language/", site.language, name="language"),
    path("privacy/", site.privacy, name="privacy"),
    path("imprint/", site.imprint, name="imprint"),
    path("search/", search.search_view, name="search"),
    path("notifications/", notifications.NotificationListView.as_view(), name="notification_list"),
    path("notifications/bell/", notifications.bell, name="bell"),
    path("notifications/read/", notifications.notification_read_all, name="notification_read_all"),
    path("notifications/<int:pk>/read/", notifications.notification_read, name="notification_read"),
    path("groups/", groups.GroupListView.as_view(), name="group_list"),
    path("groups/add/", groups.GroupAddView.as_view(), name="group_add"),
    path("groups/choose/", groups.group_choose, name="group_choose"),
    path("groups/<int:pk>/", groups.group_detail, name="group_detail"),
    path("groups/<int:pk>/edit/", groups.GroupEditView.as_view(), name="group_edit"),
    path("groups/<int:pk>/stations/", groups.group_stations, name="group_stations"),
    path("groups/<int:pk>/delete/", groups.group_delete, name="group_delete"),
    path("styleguide/", styleguide_views.styleguide, name="styleguide"),
]
station_patterns = [
    path(
        "",
        station_lists.StationListView.as_view(
            extra_columns=[STATION_POWER],
            bulk_actions=[*ACTIVITY_ACTIONS, MOVE_TO_CIRCUIT, ADD_TO_GROUP, *STATION_COMMANDS],
        ),
        name="station_list",
    ),
    path(
        "connectors/", station_lists.ConnectorListView.as_view(extra_columns=[CONNECTOR_USAGE]), name="connector_list"
    ),
    path("tags/", tags.TagListView.as_view(extra_columns=[TAG_USAGE]), name="tag_list"),
    path("tags/<int:pk>/", tags.TagDetailView.as_view(panels=[tag_sessions]), name="tag_detail"),
    path("<int:pk>/", stations_views.StationDetailView.as_view(), name="station_detail"),
    path("<int:pk>/live/", stations_views.StationLiveView.as_view(), name="station_live"),
    path("<int:pk>/power.json", samples.station_power, name="station_power"),
]
place_patterns = [
    path(
        "<int:pk>/circuits/<int:circuit>/stations/add/",
        onboarding.CircuitStationAddView.as_view(),
        name="circuit_station_add",
    ),
    path("<int:pk>/sessions/", installations.InstallationSessionsView.as_view(), name="installation_sessions"),
    path("<int:pk>/tags/", installations.InstallationCardsView.as_view(), name="installation_cards"),
    path("<int:pk>/access/", installations.InstallationAccessView.as_view(), name="installation_access"),
]
session_patterns = [
    path("<int:pk>/", charging.SessionDetailView.as_view(), name="session_detail"),
    path("<int:pk>/live/", charging.SessionLiveView.as_view(), name="session_live"),
]
operation_patterns = [
    path("remote-start/", operate.RemoteStartView.as_view(), name="remote_start"),
    path("remote-stop/", operate.RemoteStopView.as_view(), name="remote_stop"),
    path("reset/", operate.ResetView.as_view(), name="reset"),
    path("availability/", operate.AvailabilityView.as_view(), name="availability"),
]
