"""Helpers for services that add many rows at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.utils.translation import gettext as _

from accounts.access.rights import Can
from cpms.common.errors import NotAllowed

if TYPE_CHECKING:
    from accounts.models import Team, User
    from chargers.installations.models import Installation

T = TypeVar("T")


BATCH_SIZE = 500  # rows per statement: within SQLite's limit of parameters


@dataclass(frozen=True, slots=True)
class Added:
    """The result of adding many rows: how many were created, and how many existed and were updated."""

    created: int
    updated: int

    def __add__(self, other: Added) -> Added:
        return Added(self.created + other.created, self.updated + other.updated)


def require_admin(actor: User | None, place: Team | Installation) -> None:
    """Raise `NotAllowed` unless the actor may add stations to the team or installation. No actor means a script."""
    if actor is not None and not actor.access.may(Can.ADD_STATIONS, place):
        raise NotAllowed(_("Only administrators of the team may do this."))


def in_chunks(values: Sequence[T]) -> Iterator[list[T]]:
    """Yield the values in lists of at most `BATCH_SIZE`."""
    rest = iter(values)
    while some := list(itertools.islice(rest, BATCH_SIZE)):
        yield some
