"""URLs of stations and tags; the portal adds the pages that show panels of several apps."""

from django.urls import path

from chargers.credentials import views as credentials_views
from chargers.onboarding import views as onboarding_views
from chargers.pictures import views as picture_views
from chargers.stations import views as stations_views
from chargers.tags import views as tag_views

urlpatterns = [
    path("waiting/", onboarding_views.PoolListView.as_view(), name="station_pool"),
    path("add/", onboarding_views.StationAddView.as_view(), name="station_add"),
    path("tags/add/", tag_views.TagAddView.as_view(), name="tag_add"),
    path("tags/places/", tag_views.tag_places, name="tag_places"),
    path("tags/window/", tag_views.tag_window, name="tag_window"),
    path("tags/at/<int:pk>/", tag_views.installation_cards, name="installation_cards"),
    path("tags/selected/", tag_views.tag_bulk, name="tag_bulk"),
    path("tags/<int:pk>/edit/", tag_views.TagEditView.as_view(), name="tag_edit"),
    path("tags/<int:pk>/block/", tag_views.tag_block, name="tag_block"),
    path("tags/<int:pk>/delete/", tag_views.tag_delete, name="tag_delete"),
    path("<int:pk>/edit/", onboarding_views.StationEditView.as_view(), name="station_edit"),
    path("<int:pk>/hardware/", onboarding_views.StationHardwareView.as_view(), name="station_hardware"),
    path("<int:pk>/pictures/", picture_views.StationPicturesView.as_view(), name="station_pictures"),
    path("<int:pk>/pictures/<int:picture>.jpg", picture_views.station_picture, name="station_picture"),
    path(
        "<int:pk>/pictures/<int:picture>/remove/", picture_views.station_picture_remove, name="station_picture_remove"
    ),
    path("<int:pk>/password/", credentials_views.StationPasswordView.as_view(), name="station_password"),
    path("<int:pk>/identity/", onboarding_views.StationIdentityView.as_view(), name="station_identity"),
    path("<int:pk>/assign/", onboarding_views.StationAssignView.as_view(), name="station_assign"),
    path("<int:pk>/hand-over/", onboarding_views.StationHandOverView.as_view(), name="station_hand_over"),
    path("<int:pk>/activity/", stations_views.station_activity, name="station_activity"),
    path("<int:pk>/password/show/", credentials_views.station_password_show, name="station_password_show"),
]
