"""A cache in the process for data that every page needs and that rarely changes: read once a minute by each process.

It does not use Django's cache, since pages must also work while that is unavailable.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.db import models, transaction

MAX_AGE_SECONDS = 60
_values: dict[str, tuple[float, Any]] = {}


def cached(key: str, make: Callable[[], Any]) -> Any:
    """Return the value of `make`, cached for a minute."""
    entry = _values.get(key)
    if entry is None or time.monotonic() - entry[0] > MAX_AGE_SECONDS:
        entry = _values[key] = (time.monotonic(), make())
    return entry[1]


def clear_cached(*keys: str) -> None:
    """Remove these keys, or all keys, from this process's cache. Other processes follow within a minute."""
    for key in keys or tuple(_values):
        _values.pop(key, None)


def clear_cached_after_change(*keys: str) -> None:
    """Clear the keys immediately and after the commit, since another thread may read the old value in the meantime."""
    clear_cached(*keys)
    transaction.on_commit(partial(clear_cached, *keys))


class CachedModel(models.Model):
    """A model whose rows are cached. Saving or deleting a row clears `cache_keys`."""

    cache_keys: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        clear_cached_after_change(*self.cache_keys)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        deleted = super().delete(*args, **kwargs)
        clear_cached_after_change(*self.cache_keys)
        return deleted
