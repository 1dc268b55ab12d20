"""Panels: the parts that a page is made of. The app that owns the data supplies them; a page only arranges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of a page, with everything that its template shows. Rendered by `{% panel %}`.

    Attributes:
        template: a template of the app that supplies the panel. Besides `context` it gets only the request and
            `is_live`, which is true when an open page loads the panel again.
        context: the data of the template.
        is_live: whether open pages load the panel again. The outermost element of the template then needs an id, and
            `hx-swap-oob` if `is_live` is true.
    """

    template: str
    context: Mapping[str, Any]
    is_live: bool = False


class TimelineEntry(NamedTuple):
    """One line of a timeline to which several apps contribute.

    Attributes:
        kind: the kind of status, which is its colour.
    """

    at: datetime
    kind: str
    text: str
    note: str = ""
