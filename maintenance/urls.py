from django.urls import path

from maintenance import views

app_name = "maintenance"
urlpatterns = [
    path("messages/", views.MessageListView.as_view(), name="message_list"),
    path("messages/<int:pk>/", views.MessageDetailView.as_view(), name="message_detail"),
    path("refused/", views.RefusalListView.as_view(), name="refusal_list"),
    path("security/", views.SecurityEventListView.as_view(), name="security_list"),
    path("security/acknowledge/", views.security_acknowledge_all, name="security_acknowledge_all"),
    path("security/<int:pk>/acknowledge/", views.security_acknowledge, name="security_acknowledge"),
    path("deviations/", views.DeviationListView.as_view(), name="deviation_list"),
    path("deviations/models/", views.DeviatingModelListView.as_view(), name="deviation_models"),
    path("deviations/model/", views.DeviatingModelView.as_view(), name="deviation_model"),
]
