"""Panels that show tags."""

from __future__ import annotations

from collections.abc import Sequence

from chargers.tags.models import Tag
from cpms.common.web.panels import Panel


def own_tags(tags: Sequence[Tag]) -> Panel:
    """The tags of the user who is signed in."""
    return Panel("chargers/tags/panels/own_tags.html", {"tags": tags})
