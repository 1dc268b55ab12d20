"""Find tags by part of their value, label or holder."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from chargers.stations.services.finding import contains_words

PERSON_COLUMNS = ("user__email", "user__first_name", "user__last_name")
TAG_COLUMNS = ("value", "label", *PERSON_COLUMNS)


def search_tags(tags: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return the tags whose value, label or user contains all words of a text."""
    return tags.filter(contains_words(text, *TAG_COLUMNS))
