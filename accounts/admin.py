"""Import the admin pages of every subject, so that Django's autodiscovery registers them."""

import accounts.access.admin
import accounts.audit.admin
import accounts.branding.admin
import accounts.lists.admin
import accounts.mails.admin
import accounts.members.admin
import accounts.people.admin
import accounts.profile.admin
import accounts.programs.admin
import accounts.sign_in.admin
import accounts.team_settings.admin  # noqa: F401
