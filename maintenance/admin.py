"""Import the admin classes of all subjects of this app, so that Django registers them."""

import maintenance.certificates.admin
import maintenance.connections.admin
import maintenance.diagnostics.admin
import maintenance.messages.admin
import maintenance.notifications.admin
import maintenance.security_events.admin  # noqa: F401
