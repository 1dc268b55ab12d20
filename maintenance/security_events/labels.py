"""Labels of security events. Unknown types are shown as reported."""

from __future__ import annotations

from chargers.vocabulary import SecurityEventKind, label_of


def event_label(type_: str) -> str:
    return label_of(SecurityEventKind, type_)
