"""People, the teams they work in, and the keys their programs use."""

from accounts.models.audit import AuditEntry
from accounts.models.branding import Brand, BrandPicture
from accounts.models.browsers import SignedInBrowser
from accounts.models.grants import Grant
from accounts.models.letters import AccountMail, Invitation
from accounts.models.people import ApiToken, Enrolment, Membership, Theme, User
from accounts.models.programs import AccessToken, Program, ProgramKey
from accounts.models.proofs import AddressChange, FactorEnrolmentCode
from accounts.models.teams import BillingDetails, FormerHandle, StationPasswords, Team, TeamDomain

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
    "SignedInBrowser",
    "StationPasswords",
    "Team",
    "TeamDomain",
    "Theme",
    "User",
]
