"""Names under which allauth looks for the pages that we serve; what it has besides is not routed."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="account_login"),
]
