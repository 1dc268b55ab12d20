"""Deviations and security events in words. What is not known here is shown as it is."""

from __future__ import annotations

from chargers.vocabulary import SecurityEventKind, label_of


def event_label(type_: str) -> str:
    return label_of(SecurityEventKind, type_)
