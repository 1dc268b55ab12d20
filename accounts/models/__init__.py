"""People, the teams they work in, and the keys their programs use."""

from accounts.models.audit import AuditEntry
from accounts.models.grants import Grant
from accounts.models.letters import AccountMail, Invitation
from accounts.models.people import ApiToken, Enrolment, Membership, User
from accounts.models.programs import AccessToken, Program, ProgramKey
from accounts.models.teams import BillingDetails, FormerHandle, StationPasswords, Team, TeamDomain

__all__ = [
    "AccessToken",
    "AccountMail",
    "ApiToken",
    "AuditEntry",
    "BillingDetails",
    "Enrolment",
    "FormerHandle",
    "Grant",
    "Invitation",
    "Membership",
    "Program",
    "ProgramKey",
    "StationPasswords",
    "Team",
    "TeamDomain",
    "User",
]
