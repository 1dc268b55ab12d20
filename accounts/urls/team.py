"""Addresses of a team's settings."""

from django.urls import path

from accounts.audit.views import AuditListView
from accounts.programs import views as program_views
from accounts.team_settings.views import branding as brand_views
from accounts.team_settings.views import team as views

app_name = "team"
urlpatterns = [
    path("", views.GeneralView.as_view(), name="general"),
    path("billing/", views.BillingView.as_view(), name="billing"),
    path("security/", views.SecurityView.as_view(), name="security"),
    path("functions/", views.FeaturesView.as_view(), name="features"),
    path("enrolment/", views.EnrolmentView.as_view(), name="enrolment"),
    path("branding/", brand_views.BrandView.as_view(), name="branding"),
    path("branding/preview/", brand_views.BrandPreviewView.as_view(), name="branding_preview"),
    path("branding/reset/", brand_views.BrandResetView.as_view(), name="branding_reset"),
    path("branding/domain/", brand_views.HostsView.as_view(), name="branding_hosts"),
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
