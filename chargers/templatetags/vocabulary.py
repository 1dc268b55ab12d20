"""Labels of the project's own enumerations in templates."""

from __future__ import annotations

from django import template

from chargers.stations.services.states import status_meanings
from chargers.vocabulary import StopReason, error_label, stop_reason_label

register = template.Library()
register.simple_tag(status_meanings)
register.filter("error_label", error_label)


@register.filter
def stop_reason(reason: str) -> str:
    """Why a station ended a session. One that gives no reason was stopped at the station."""
    return stop_reason_label(reason or StopReason.LOCAL)
