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
    """Return why a session ended. Without a reason, it was stopped at the station (OCPP 1.6: StopTransaction.req)."""
    return stop_reason_label(reason or StopReason.LOCAL)
