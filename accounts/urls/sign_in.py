"""Names under which allauth looks for the pages that we serve; what it has besides is not routed."""

from django.urls import path, re_path

from accounts.profile import views as account_views
from accounts.sign_in import views
from accounts.sign_in import views as security_views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="account_login"),
    path("login/second/", security_views.SecondStepView.as_view(), name="mfa_authenticate"),
    re_path(
        r"^password/set/(?P<uidb36>[0-9A-Za-z]{1,20})-(?P<key>[^/]{1,200})/$",
        account_views.SetPasswordView.as_view(),
        name="account_reset_password_from_key",
    ),
]
