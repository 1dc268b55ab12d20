"""The admin pages of every subject of this app, for Django to find."""

import sessions.insights.admin
import sessions.ledger.admin
import sessions.samples.admin  # noqa: F401
