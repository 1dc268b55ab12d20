"""Which languages somebody can choose from."""

from typing import Any

from django.conf import settings


def languages() -> list[tuple[str, Any]]:
    """Codes and names; as a function, so that a model's choices grow with LANGUAGES and its table does not change."""
    return list(settings.LANGUAGES)
