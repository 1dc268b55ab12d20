"""What every page needs and hardly anybody changes: asked for once a minute by each process, not once per page.

In the process and not in a cache: a page must not need a cache that may be away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.db import models, transaction

SECONDS = 60
_kept: dict[str, tuple[float, Any]] = {}


def remember(key: str, make: Callable[[], Any]) -> Any:
    """What `make` gave within the last minute, or gives now."""
    kept = _kept.get(key)
    if kept is None or time.monotonic() - kept[0] > SECONDS:
        kept = _kept[key] = (time.monotonic(), make())
    return kept[1]


def forget(*keys: str) -> None:
    """What is asked for next is read anew: all of it, or what is named. Other processes follow within a minute."""
    for key in keys or tuple(_kept):
        _kept.pop(key, None)


def forget_after_change(*keys: str) -> None:
    """At once for whoever made the change, and after the commit: meanwhile another thread may have read the old."""
    forget(*keys)
    transaction.on_commit(partial(forget, *keys))


class RememberedModel(models.Model):
    """A row that pages remember; `remembered` names under what."""

    remembered: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        forget_after_change(*self.remembered)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        told = super().delete(*args, **kwargs)
        forget_after_change(*self.remembered)
        return told
