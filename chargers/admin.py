"""The admin pages of every subject of this app, for Django to find."""

import chargers.anomalies.admin
import chargers.events.admin
import chargers.groups.admin
import chargers.hardware.admin
import chargers.installations.admin
import chargers.onboarding.admin
import chargers.pictures.admin
import chargers.stations.admin
import chargers.tags.admin  # noqa: F401
