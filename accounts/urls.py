from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("challenge/", views.captcha_challenge, name="captcha_challenge"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("tokens/", views.ApiTokenListView.as_view(), name="api_tokens"),
    path("tokens/<str:prefix>/revoke/", views.api_token_revoke, name="api_token_revoke"),
]
