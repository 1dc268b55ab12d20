"""URLs of the pages that show sessions only; the portal adds the pages that combine several apps."""

from django.urls import path

from sessions.adoption import views as adoption_views
from sessions.insights import views as insights_views
from sessions.ledger import views as ledger_views
from sessions.samples import views as samples_views

urlpatterns = [
    path("", ledger_views.SessionListView.as_view(), name="session_list"),
    path("refused-tags/", adoption_views.RefusedTagListView.as_view(), name="refused_tag_list"),
    path("refused-tags/<int:pk>/adopt/", adoption_views.refused_tag_adopt, name="refused_tag_adopt"),
    path("refused-tags/<int:pk>/ignore/", adoption_views.refused_tag_ignore, name="refused_tag_ignore"),
    path("gaps/", insights_views.GapListView.as_view(), name="gap_list"),
    path("<int:pk>/chart.json", samples_views.session_chart, name="session_chart"),
    path("<int:pk>/readings/", samples_views.SessionReadingsView.as_view(), name="session_readings"),
]
