"""Addresses of a team's settings."""

from django.urls import path

from accounts import team_views as views
from accounts.audit_views import AuditListView

app_name = "team"
urlpatterns = [
    path("", views.GeneralView.as_view(), name="general"),
    path("billing/", views.BillingView.as_view(), name="billing"),
    path("security/", views.SecurityView.as_view(), name="security"),
    path("functions/", views.FeaturesView.as_view(), name="features"),
    path("enrolment/", views.EnrolmentView.as_view(), name="enrolment"),
    path("domains/<int:pk>/prove/", views.domain_prove, name="domain_prove"),
    path("domains/<int:pk>/drop/", views.domain_drop, name="domain_drop"),
    path("audit/", AuditListView.as_view(), name="audit"),
    path("choose/", views.TeamChooseView.as_view(), name="choose"),
    path("switch/", views.team_switch, name="switch"),
]
