"""URLs of stylesheets and pictures of a branding. They need no sign-in."""

from django.urls import path, re_path

from accounts.branding import views

app_name = "brand"
urlpatterns = [
    re_path(r"^(?P<version>[0-9a-f]{8})/(?P<light>[0-9a-f]{6})-(?P<dark>[0-9a-f]{6})\.css$", views.style, name="style"),
    re_path(r"^(?P<key>[0-9a-f]{64})\.png$", views.picture, name="picture"),
    path("ask/", views.certificate_allowed, name="ask"),
]
