"""The lists that make files, by the names of their files, with the routes of their pages."""

LISTS = {
    "stations": "chargers:station_list",
    "waiting-stations": "chargers:station_pool",
    "connectors": "chargers:connector_list",
    "tags": "chargers:tag_list",
    "installations": "places:installation_list",
    "access": "access:grant_list",
    "sessions": "sessions:session_list",
    "missing-energy": "sessions:gap_list",
    "messages": "maintenance:message_list",
    "refused-connections": "maintenance:refusal_list",
    "deviations": "maintenance:deviation_list",
    "deviations-by-model": "maintenance:deviation_models",
    "security-events": "maintenance:security_list",
    "commands": "operations:command_list",
    "audit-log": "team:audit",
}
OF_STAFF = {"waiting-stations"}
