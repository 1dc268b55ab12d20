"""Addresses of sessions that need nothing but sessions; the portal adds the pages that show more."""

from django.urls import path

from sessions.insights import views as insights_views
from sessions.ledger import views as ledger_views

urlpatterns = [
    path("", ledger_views.SessionListView.as_view(), name="session_list"),
    path("gaps/", insights_views.GapListView.as_view(), name="gap_list"),
]
