"""What a set-up changes, and where in the file an error is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from accounts.models import Team, User
from cpms.common.errors import DomainError, NotAllowed


class Change(NamedTuple):
    """One row that was added or changed. `fields` names what changed."""

    action: str
    kind: str
    name: str
    fields: tuple[str, ...] = ()


@dataclass
class Report:
    """The course of applying a set-up.

    Attributes:
        actor: None for the command line, which may do everything.
        passwords: generated passwords by the identity of the station.
    """

    team: Team
    actor: User | None
    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)

    def added(self, kind: str, name: str) -> None:
        self.changes.append(Change("added", kind, name))

    def changed(self, kind: str, name: str, *fields: str) -> None:
        if fields:
            self.changes.append(Change("changed", kind, name, fields))

    def as_document(self, *, is_dry_run: bool) -> dict[str, Any]:
        """Return the result as JSON. A dry run contains no passwords: those that were generated are not kept."""
        changes = [
            {"action": change.action, "kind": change.kind, "name": change.name}
            | ({"fields": list(change.fields)} if change.fields else {})
            for change in self.changes
        ]
        return {
            "team": self.team.handle,
            "dry_run": is_dry_run,
            "changed": len(changes),
            "changes": changes,
            "warnings": self.warnings,
            "passwords": {} if is_dry_run else self.passwords,
        }


@contextmanager
def at(place: str) -> Iterator[None]:
    """Tell errors of services with their place in the file, for example `tags[3].value`."""
    try:
        yield
    except NotAllowed as error:
        raise NotAllowed(f"{place}: {error}", fields={place: str(error)}) from None
    except DomainError as error:
        fields = {f"{place}.{name}": text or str(error) for name, text in error.fields.items()} or {place: str(error)}
        raise DomainError(f"{next(iter(fields))}: {error}", fields=fields) from None


def differing(row: Any, given: dict[str, Any]) -> list[str]:
    """Return the names whose given value is not that of the row."""
    return [name for name, value in given.items() if _comparable(getattr(row, name)) != _comparable(value)]


def _comparable(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    return round(float(value), 6)
