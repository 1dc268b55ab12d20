"""URLs of access to installations and stations."""

from django.urls import path

from chargers.grants import views as grant_views

app_name = "access"
urlpatterns = [
    path("", grant_views.GrantListView.as_view(), name="grant_list"),
    path("give/", grant_views.GrantAddView.as_view(), name="grant_give"),
    path("<int:pk>/", grant_views.GrantEditView.as_view(), name="grant_edit"),
    path("<int:pk>/tags/", grant_views.DriverTagsView.as_view(), name="driver_tags"),
    path("<int:pk>/withdraw/", grant_views.grant_withdraw, name="grant_withdraw"),
]
