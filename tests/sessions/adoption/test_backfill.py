"""The migration lists the tags of sessions that were refused before refused tags were listed."""

from importlib import import_module

import pytest
from django.apps import apps

from chargers.models import RefusedTag
from tests import factories

pytestmark = pytest.mark.django_db


def test_tags_of_earlier_sessions_are_listed(station) -> None:
    fields = {"station": station, "team": station.team, "is_billable": False, "finished": True}
    factories.SessionFactory.create(id_tag="nobody", authorization="Invalid", tag=None, **fields)
    factories.SessionFactory.create(id_tag="NOBODY", authorization="Invalid", tag=None, **fields)
    factories.SessionFactory.create(id_tag="BLOCKED", authorization="Blocked", **fields)
    factories.SessionFactory.create(id_tag="BUSY", authorization="ConcurrentTx", **fields)
    factories.SessionFactory.create(id_tag="GOOD", authorization="Accepted", **fields)
    import_module("sessions.migrations.0002_list_refused_tags").list_refused_tags(apps, None)
    listed = RefusedTag.objects.values_list("value", "reason", "times", "station")
    assert sorted(listed) == [("BLOCKED", "blocked", 1, station.pk), ("NOBODY", "unknown", 2, station.pk)]
