"""Addresses of a team's settings."""

from django.urls import path

from accounts import program_views
from accounts import team_views as views
from accounts.audit_views import AuditListView

app_name = "team"
urlpatterns = [
    path("", views.GeneralView.as_view(), name="general"),
    path("billing/", views.BillingView.as_view(), name="billing"),
    path("functions/", views.FeaturesView.as_view(), name="features"),
    path("enrolment/", views.EnrolmentView.as_view(), name="enrolment"),
    path("domains/<int:pk>/prove/", views.domain_prove, name="domain_prove"),
    path("domains/<int:pk>/drop/", views.domain_drop, name="domain_drop"),
    path("programs/", program_views.ProgramsView.as_view(), name="programs"),
    path("programs/add/", program_views.ProgramAddView.as_view(), name="program_add"),
    path("programs/<int:pk>/", program_views.ProgramEditView.as_view(), name="program_edit"),
    path("programs/<int:pk>/rotate/", program_views.ProgramRotateView.as_view(), name="program_rotate"),
    path("programs/<int:pk>/revoke/", program_views.program_revoke, name="program_revoke"),
    path("audit/", AuditListView.as_view(), name="audit"),
    path("choose/", views.TeamChooseView.as_view(), name="choose"),
    path("switch/", views.team_switch, name="switch"),
]
