"""Addresses of sessions that need nothing but sessions; the portal adds the pages that show more."""

from django.urls import path

from sessions import views

urlpatterns = [
    path("", views.SessionListView.as_view(), name="session_list"),
    path("gaps/", views.GapListView.as_view(), name="gap_list"),
]
