"""Queries that are compiled once return the same rows as the ORM."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet, Value
from django.utils import timezone

from chargers.models import ChargingStation, Tag
from cpms.common.database.prepared import Prepared
from tests.factories import StationFactory, TagFactory, TeamFactory

pytestmark = pytest.mark.django_db


@Prepared
def tags_at(team: Any, earliest: Any) -> QuerySet[Tag]:
    return (
        Tag.objects.filter(team=team, created_at__gte=earliest)
        .select_related("team")
        .annotate(answer=Value(42))
        .order_by("value")
    )


@Prepared
def identities(team: Any) -> QuerySet[ChargingStation, tuple[str, bytes]]:
    return ChargingStation.objects.filter(team=team).order_by("identity").values_list("identity", "password")


@Prepared
def careless(team: Any, value: Any) -> QuerySet[Tag]:
    return Tag.objects.filter(team=team, value=f"{value}")


def test_instances_come_with_their_relations_and_annotations(django_assert_num_queries: Any) -> None:
    one, other = TeamFactory.create(), TeamFactory.create()
    for team, value in ((one, "B"), (one, "A"), (other, "C")):
        TagFactory.create(team=team, value=value)
    for team, values in ((one, ["A", "B"]), (other, ["C"])):
        with django_assert_num_queries(1):
            found = tags_at(team=team.pk, earliest=timezone.now() - timedelta(hours=1))
            assert [(tag.value, tag.team, vars(tag)["answer"]) for tag in found] == [
                (value, team, 42) for value in values
            ]
    assert tags_at(team=one.pk, earliest=timezone.now() + timedelta(hours=1)) == []


def test_values_are_converted_as_the_orm_does() -> None:
    station = StationFactory.create(password=b"secret-enough-now")
    assert identities(team=station.team_id) == [(station.identity, b"secret-enough-now")]
    assert identities.first(team=0) is None


def test_a_value_that_was_changed_before_it_is_bound_is_refused() -> None:
    with pytest.raises(TypeError, match="value"):
        careless(team=1, value="x")


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        identities()
