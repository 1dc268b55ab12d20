"""URLs of the pages of commands."""

from django.urls import path

from operations.commands import views

app_name = "operations"
urlpatterns = [
    path("commands/", views.CommandListView.as_view(), name="command_list"),
    path("commands/<int:pk>/", views.CommandDetailView.as_view(), name="command_detail"),
    path("stations/<int:pk>/tags/", views.tag_choices, name="tag_choices"),
    path("stations/<int:pk>/<slug:kind>/", views.station_command, name="station_command"),
]
