"""URLs of the maintenance pages."""

from django.urls import path

from maintenance.connections import views as connections_views
from maintenance.messages import views as messages_views
from maintenance.security_events import views as security_events_views

app_name = "maintenance"
urlpatterns = [
    path("messages/", messages_views.MessageListView.as_view(), name="message_list"),
    path("messages/<int:pk>/", messages_views.MessageDetailView.as_view(), name="message_detail"),
    path("refused/", connections_views.RefusalListView.as_view(), name="refusal_list"),
    path("security/", security_events_views.SecurityEventListView.as_view(), name="security_list"),
    path("security/acknowledge/", security_events_views.security_acknowledge_all, name="security_acknowledge_all"),
    path("security/<int:pk>/acknowledge/", security_events_views.security_acknowledge, name="security_acknowledge"),
    path("deviations/", connections_views.DeviationListView.as_view(), name="deviation_list"),
    path("deviations/models/", connections_views.DeviatingModelListView.as_view(), name="deviation_models"),
    path("deviations/model/", connections_views.DeviatingModelView.as_view(), name="deviation_model"),
]
