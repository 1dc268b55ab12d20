"""URLs of installations and circuits."""

from django.urls import path

from chargers.installations import views

app_name = "places"
urlpatterns = [
    path("", views.InstallationListView.as_view(), name="installation_list"),
    path("add/", views.InstallationAddView.as_view(), name="installation_add"),
    path("<int:pk>/", views.InstallationDetailView.as_view(), name="installation_detail"),
    path("<int:pk>/edit/", views.InstallationEditView.as_view(), name="installation_edit"),
    path("<int:pk>/circuits/add/", views.CircuitView.as_view(), name="circuit_add"),
    path("<int:pk>/circuits/<int:circuit>/", views.CircuitView.as_view(), name="circuit_edit"),
    path("<int:pk>/circuits/<int:circuit>/remove/", views.circuit_remove, name="circuit_remove"),
]
