"""All models of the app, imported so that Django finds them."""

from accounts.access.models import Grant
from accounts.audit.models import AuditEntry
from accounts.branding.models import Brand, BrandPicture
from accounts.lists.models import SavedView
from accounts.mails.models import AccountMail
from accounts.members.models import Invitation
from accounts.people.models import ApiToken, Enrolment, Membership, Theme, User
from accounts.profile.models import AddressChange
from accounts.programs.models import AccessToken, Program, ProgramKey
from accounts.sign_in.models import FactorEnrolmentCode, SignedInBrowser
from accounts.teams.models import BillingDetails, FormerHandle, StationPasswords, Team, TeamDomain

__all__ = [
    "AccessToken",
    "AccountMail",
    "AddressChange",
    "ApiToken",
    "AuditEntry",
    "BillingDetails",
    "Brand",
    "BrandPicture",
    "Enrolment",
    "FactorEnrolmentCode",
    "FormerHandle",
    "Grant",
    "Invitation",
    "Membership",
    "Program",
    "ProgramKey",
    "SavedView",
    "SignedInBrowser",
    "StationPasswords",
    "Team",
    "TeamDomain",
    "Theme",
    "User",
]
