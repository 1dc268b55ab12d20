"""Write the e-mails about granted, changed and withdrawn access to the outbox of account mails."""

from __future__ import annotations

from accounts.access.rights import Role
from accounts.mails.services.mails import queue_mail
from accounts.models import AccountMail, Grant, User


def mail_about_grant(grant: Grant, what: str) -> int:
    """Write an e-mail to the user, or to each administrator of the team. Returns the number of e-mails.

    Args:
        what: GIVEN, CHANGED or WITHDRAWN of `accounts.mails.services.grant_mail`.
    """
    recipients = _recipients(grant)
    for user in recipients:
        queue_mail(AccountMail.Kind.GRANT, email=user.email, user=user, grant=grant, team_id=grant.team_id, about=what)
    return len(recipients)


def _recipients(grant: Grant) -> list[User]:
    if grant.user is not None:
        return [grant.user] if grant.user.is_active else []
    members = User.objects.filter(memberships__team=grant.to_team, memberships__role=Role.ADMIN, is_active=True)
    return list(members.order_by("pk"))
