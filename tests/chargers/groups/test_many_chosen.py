"""Large groups are passed to queries as one parameter."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chargers.models import ChargingStation
from sessions.insights.services.counts import sessions_per_day
from sessions.models import ChargingSession
from tests import factories

SESSIONS = reverse("portal:dashboard_sessions")


@pytest.fixture
def group_client(client, operator, team, station):
    """The client of an operator who has chosen a group with two of three stations."""
    other, outside = factories.StationFactory(team=team), factories.StationFactory(team=team, identity="OUTSIDE")
    group = factories.StationGroupFactory(user=operator)
    group.stations.set([station, other])
    for number, place in enumerate((station, other, other, outside)):
        at = timezone.now() - timedelta(days=30 * number, minutes=1)
        factories.SessionFactory(station=place, started_at=at, stopped_at=at, finished=True)
    client.force_login(operator)
    client.post(reverse("portal:group_choose"), {"group": group.pk})
    return client


def test_sessions_of_a_group_are_counted_day_by_day(group_client):
    """W19, W32: conditions per day made the query too large for 900 stations and three months."""
    zone = ZoneInfo("Europe/Berlin")  # of pages for people who chose none
    today = timezone.localdate(timezone=zone)
    first = today - timedelta(days=89)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        body = group_client.get(SESSIONS, {"from": first.isoformat(), "to": today.isoformat()}).json()
    days = {number: count for number, count in enumerate(reversed(body["values"])) if count}
    started = ChargingSession.objects.exclude(station__identity="OUTSIDE").values_list("started_at", flat=True)
    assert days == {(today - timezone.localdate(at, zone)).days: 1 for at in started}  # summer time may have ended
    assert len(body["values"]) == 90
    assert sum("charging_sessions_chargingsession" in each["sql"] for each in queries) == 1


def test_days_are_in_the_users_time_zone(operator, station, team):
    group = factories.StationGroupFactory(user=operator)
    group.stations.set([station])
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    for at in (midnight - timedelta(seconds=1), midnight):
        factories.SessionFactory(station=station, started_at=at, stopped_at=at, finished=True)
    today = timezone.localdate()
    whole = sessions_per_day(operator, today - timedelta(days=1), today)
    operator.access.group = _chosen(operator, group)
    assert sessions_per_day(operator, today - timedelta(days=1), today) == whole == [1, 1]


def _chosen(user, group):
    from chargers.groups.services.groups import chosen_group

    return chosen_group(user, group.pk)


@pytest.mark.parametrize("path", ["pk", "station"])
def test_a_list_of_keys_is_one_parameter(station, connector, path):
    keys = [station.pk, *range(10**6, 10**6 + 70_000)] if connection.vendor == "postgresql" else [station.pk]
    rows = ChargingStation.objects if path == "pk" else type(connector).objects
    found = rows.filter(**{f"{path}__among": keys})
    assert found.count() == 1
    if connection.vendor == "postgresql":
        assert str(found.query).count("ANY(") == 1
    assert not rows.filter(**{f"{path}__among": []}).exists()
    assert not rows.filter(**{f"{path}__among": (0,)}).exists()
