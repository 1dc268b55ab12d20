"""Which columns of a list a user sees, and the views they saved. This package imports no app, so the app that stores
them registers itself here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from django.utils.functional import Promise

if TYPE_CHECKING:
    from accounts.models import User


class View(NamedTuple):
    """A named set of filters, order and columns of a list.

    Attributes:
        team: the name of the team that shares it; empty if it is private.
        address: the query string that opens it.
    """

    pk: int
    name: str
    team: str
    address: str
    columns: Sequence[str]
    may_delete: bool


class ColumnChoice(NamedTuple):
    name: str
    label: str | Promise
    is_shown: bool


@dataclass(frozen=True)
class ListSettings:
    """What a user has set for one list. Without columns, the list shows its usual ones."""

    columns: Sequence[str] = ()
    views: Sequence[View] = field(default_factory=list)
    sharing_teams: Sequence[tuple[int, str]] = ()


_readers: list[Callable[[User, str], ListSettings]] = []


def register(reader: Callable[[User, str], ListSettings]) -> None:
    """Register the function that reads a user's settings of a list by its name."""
    _readers.append(reader)


def read(user: User, list_name: str) -> ListSettings:
    return _readers[-1](user, list_name) if _readers and list_name else ListSettings()
