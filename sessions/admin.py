"""Import the admin classes of all subjects of this app, so that Django registers them."""

import sessions.insights.admin
import sessions.ledger.admin
import sessions.samples.admin  # noqa: F401
