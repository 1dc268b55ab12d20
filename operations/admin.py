"""Import the admin classes of all subjects of this app, so that Django registers them."""

import operations.commands.admin  # noqa: F401
