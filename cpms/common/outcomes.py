"""The outcome of one change to many rows: it does what it can and says what was refused, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cpms.common.errors import DomainError

MAX_ROWS = 500  # in one request
MAX_NAMES = 5


class Refusal(NamedTuple):
    name: str
    reason: str


@dataclass
class Outcome:
    """How many rows were changed, and which were refused."""

    done: int = 0
    refusals: list[Refusal] = field(default_factory=list)

    def refusal_sentences(self) -> Iterator[str]:
        """Yield a sentence for each reason, with the names of the rows."""
        names: dict[str, list[str]] = {}
        for refusal in self.refusals:
            names.setdefault(refusal.reason, []).append(refusal.name)
        for reason, refused in names.items():
            listed = ", ".join(refused[:MAX_NAMES])
            if (more := len(refused) - MAX_NAMES) > 0:
                listed = _("%(names)s and %(n)d more") % {"names": listed, "n": more}
            sentence = ngettext(
                "%(n)d was not: %(reason)s (%(names)s)", "%(n)d were not: %(reason)s (%(names)s)", len(refused)
            )
            yield sentence % {"n": len(refused), "reason": reason, "names": listed}


def change_each(rows: Iterable[Any], change: Callable[[Any], Any]) -> Outcome:
    """Call a service for each row, each in a transaction of its own, and collect what it refuses."""
    outcome = Outcome()
    for row in rows:
        try:
            with transaction.atomic():
                change(row)
        except DomainError as error:
            outcome.refusals.append(Refusal(str(row), str(error)))
        else:
            outcome.done += 1
    return outcome
