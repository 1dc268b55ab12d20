"""Addresses of stations that need nothing but stations; the portal adds the pages that show more."""

from django.urls import path

from chargers import views

urlpatterns = [
    path("add/", views.StationAddView.as_view(), name="station_add"),
    path("<int:pk>/edit/", views.StationEditView.as_view(), name="station_edit"),
    path("<int:pk>/password/", views.StationPasswordView.as_view(), name="station_password"),
]
