"""Addresses of a team's settings."""

from django.urls import path

from accounts.audit.views import AuditListView
from accounts.programs import views as program_views
from accounts.team_settings.views import branding, team

app_name = "team"
urlpatterns = [
    path("", team.GeneralView.as_view(), name="general"),
    path("billing/", team.BillingView.as_view(), name="billing"),
    path("security/", team.SecurityView.as_view(), name="security"),
    path("functions/", team.FeaturesView.as_view(), name="features"),
    path("enrolment/", team.EnrolmentView.as_view(), name="enrolment"),
    path("branding/", branding.BrandView.as_view(), name="branding"),
    path("branding/preview/", branding.BrandPreviewView.as_view(), name="branding_preview"),
    path("branding/reset/", branding.BrandResetView.as_view(), name="branding_reset"),
    path("branding/domain/", branding.HostsView.as_view(), name="branding_hosts"),
    path("domains/<int:pk>/prove/", team.domain_prove, name="domain_prove"),
    path("domains/<int:pk>/drop/", team.domain_drop, name="domain_drop"),
    path("programs/", program_views.ProgramsView.as_view(), name="programs"),
    path("programs/add/", program_views.ProgramAddView.as_view(), name="program_add"),
    path("programs/<int:pk>/", program_views.ProgramEditView.as_view(), name="program_edit"),
    path("programs/<int:pk>/rotate/", program_views.ProgramRotateView.as_view(), name="program_rotate"),
    path("programs/<int:pk>/revoke/", program_views.program_revoke, name="program_revoke"),
    path("audit/", AuditListView.as_view(), name="audit"),
    path("choose/", team.TeamChooseView.as_view(), name="choose"),
    path("switch/", team.team_switch, name="switch"),
]
