"""Addresses of stations that need nothing but stations; the portal adds the pages that show more."""

from django.urls import path

from chargers import tag_views, views

urlpatterns = [
    path("add/", views.StationAddView.as_view(), name="station_add"),
    path("tags/", tag_views.TagListView.as_view(), name="tag_list"),
    path("tags/add/", tag_views.TagAddView.as_view(), name="tag_add"),
    path("tags/<int:pk>/", tag_views.TagDetailView.as_view(), name="tag_detail"),
    path("tags/<int:pk>/edit/", tag_views.TagEditView.as_view(), name="tag_edit"),
    path("tags/<int:pk>/block/", tag_views.tag_block, name="tag_block"),
    path("tags/<int:pk>/delete/", tag_views.tag_delete, name="tag_delete"),
    path("<int:pk>/edit/", views.StationEditView.as_view(), name="station_edit"),
    path("<int:pk>/password/", views.StationPasswordView.as_view(), name="station_password"),
    path("<int:pk>/identity/", views.StationIdentityView.as_view(), name="station_identity"),
    path("<int:pk>/assign/", views.StationAssignView.as_view(), name="station_assign"),
    path("<int:pk>/hand-over/", views.StationHandOverView.as_view(), name="station_hand_over"),
    path("<int:pk>/activity/", views.station_activity, name="station_activity"),
    path("<int:pk>/password/show/", views.station_password_show, name="station_password_show"),
]
