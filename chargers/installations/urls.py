"""URLs of installations and circuits; the portal adds the pages that show rows of several apps."""

from django.urls import path

from chargers.installations import views

urlpatterns = [
    path("", views.InstallationListView.as_view(), name="installation_list"),
    path("add/", views.InstallationAddView.as_view(), name="installation_add"),
    path("<int:pk>/", views.InstallationDetailView.as_view(), name="installation_detail"),
    path("<int:pk>/live/", views.InstallationLiveView.as_view(), name="installation_live"),
    path("<int:pk>/stations/", views.InstallationStationsView.as_view(), name="installation_stations"),
    path("<int:pk>/edit/", views.InstallationEditView.as_view(), name="installation_edit"),
    path("<int:pk>/circuits/add/", views.CircuitView.as_view(), name="circuit_add"),
    path("<int:pk>/circuits/<int:circuit>/", views.CircuitView.as_view(), name="circuit_edit"),
    path("<int:pk>/circuits/<int:circuit>/remove/", views.circuit_remove, name="circuit_remove"),
    path("<int:pk>/stations/move/", views.PlaceStationsView.as_view(), name="installation_place"),
    path("<int:pk>/circuits/<int:circuit>/stations/", views.PlaceStationsView.as_view(), name="circuit_stations"),
    path("<int:pk>/circuits/<int:circuit>/deactivate/", views.circuit_deactivate, name="circuit_deactivate"),
    path("<int:pk>/circuits/<int:circuit>/activate/", views.circuit_activate, name="circuit_activate"),
]
