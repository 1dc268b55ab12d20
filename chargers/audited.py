"""Select the fields of stations, installations and tags whose changes the audit log records.

These are decisions of users, not reports of stations.
"""

from __future__ import annotations

from accounts.audit.services import track_changes
from chargers.groups import models as groups_models
from chargers.installations import models as installations_models
from chargers.stations import models as stations_models
from chargers.tags import models as tags_models


def register() -> None:
    """Tell the audit log which fields to record."""
    # Passwords are not among the fields: the service that sets one records that it was set, without its value.
    place = ["team", "installation", "circuit"]
    track_changes(
        stations_models.ChargingStation,
        ["identity", "name", *place, "hardware_model", "protocol", "security_profile", "deactivated_at"],
    )
    address = ["street", "postal_code", "city", "country", "latitude", "longitude", "time_zone"]
    supply = ["category", "parking", "grid_type", "phases", "voltage_v", "main_breaker_a"]
    contacts = ["contact_name", "contact_phone", "hotline", "emergency_contact", "opening_hours", "access_notes"]
    track_changes(installations_models.Installation, ["team", "name", *address, *supply, *contacts])
    track_changes(
        installations_models.Circuit, ["installation", "parent", "name", "max_current_a", "phases", "deactivated_at"]
    )
    validity = ["valid_from", "expires_at", "time_windows", "scope"]
    tag = ["team", "value", "label", "kind", "status", "allows_concurrent", *validity, "user"]
    track_changes(tags_models.Tag, tag, many=["stations", "installations", "groups"])
    track_changes(groups_models.StationGroup, ["user", "name"], many=["stations"])
