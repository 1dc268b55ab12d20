"""The admin pages of every subject of this app, for Django to find."""

import maintenance.certificates.admin
import maintenance.connections.admin
import maintenance.diagnostics.admin
import maintenance.messages.admin
import maintenance.notifications.admin
import maintenance.security_events.admin  # noqa: F401
