"""The languages that users can choose."""

from typing import Any

from django.conf import settings


def languages() -> list[tuple[str, Any]]:
    """Return codes and names. A function, so that a new language does not change a model's choices in a migration."""
    return list(settings.LANGUAGES)
