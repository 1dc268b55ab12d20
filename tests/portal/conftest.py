from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests import factories


@pytest.fixture
def as_person() -> Callable[[User], Client]:
    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def page(as_person, operator) -> Client:
    """The browser of an operator of the fixture's team."""
    return as_person(operator)


@pytest.fixture
def online(node) -> Callable[..., Any]:
    """A station that is connected right now, with one connector."""

    def make(team, status="Available", **fields):
        now = timezone.now()
        station = factories.StationFactory(team=team, node=node, connected_at=now, last_heard_at=now, epoch=1, **fields)
        factories.ConnectorFactory(station=station, number=1, status=status, status_changed_at=now)
        return station

    return make


@pytest.fixture
def offline() -> Callable[..., Any]:
    def make(team, status="Available", **fields):
        then = timezone.now() - timedelta(hours=3)
        station = factories.StationFactory(
            team=team, connected_at=then, disconnected_at=then, last_heard_at=then, **fields
        )
        factories.ConnectorFactory(station=station, number=1, status=status, status_changed_at=then)
        return station

    return make
