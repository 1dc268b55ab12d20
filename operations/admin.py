"""The admin pages of every subject of this app, for Django to find."""

import operations.commands.admin  # noqa: F401
