"""Services for membership of a team: invitations, roles and removal."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.access.models import Grant
from accounts.access.rights import Can, GivenBy, GrantRole, Role
from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from accounts.members.models import Invitation
from accounts.members.services import grant_listeners
from accounts.people import services as people_services
from accounts.people.models import Membership, User
from accounts.people.services import MAX_PASSWORD_LENGTH
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
VALID = timedelta(days=14)
MAX_OPEN = 200  # per team, so that nobody can send spam through us


def _require_admin(actor: User | None, team: Team) -> None:
    if actor is not None and not actor.access.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team may do this."))


@transaction.atomic
def invite(
    *, team: Team, email: str, role: str, actor: User, language: str = "", expires_at: datetime | None = None
) -> Invitation:
    """Invite somebody by e-mail to join the team.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: address or role is invalid, the person is a member or invited already, or too many invitations are
            open.
    """
    _require_admin(actor, team)
    if role not in Role.values:
        raise DomainError(_("Choose a role."), fields={"role": ""})
    return create_invitation(team=team, email=email, role=role, actor=actor, language=language, expires_at=expires_at)


def create_invitation(
    *,
    team: Team,
    email: str,
    role: str,
    actor: User | None,
    language: str = "",
    expires_at: datetime | None = None,
    **place: Any,
) -> Invitation:
    """Create an invitation and its e-mail. The caller must have checked that the actor may invite.

    Args:
        place: `installation` or `station`, and `access_ends_at`, of a driver's invitation.

    Raises:
        DomainError: the address is invalid, the person is a member or invited already, or too many invitations are
            open.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise DomainError(_("Enter a valid e-mail address."), fields={"email": ""}) from None
    Team.objects.select_for_update().get(pk=team.pk)
    if Membership.objects.filter(team=team, user__email__iexact=email).exists():
        raise DomainError(_("This person is already a member of the team."), fields={"email": ""})
    waiting = Invitation.objects.filter(team=team).open()
    if waiting.filter(email__iexact=email).exists():
        raise DomainError(_("This person is already invited. Send the invitation again instead."), fields={"email": ""})
    if waiting.count() >= MAX_OPEN:
        raise DomainError(_("Too many open invitations. Revoke some of them first."))
    invitation = Invitation(
        team=team,
        email=email,
        role=role,
        language=language or translation.get_language() or "",
        invited_by=actor,
        expires_at=expires_at or timezone.now() + VALID,
        token_hash=secrets.token_hex(32),
        **place,
    )
    invitation.save()
    _issue_token(invitation)
    logger.info("invited", extra={"user": actor and actor.pk, "team": team.pk, "invitation": invitation.pk})
    return invitation


def _issue_token(invitation: Invitation) -> None:
    """Give the invitation a new token, and queue its e-mail."""
    invitation.nonce = secrets.token_urlsafe(32)
    invitation.token_hash = mails.hash_token(mails.invitation_token(invitation))
    invitation.save()
    mails.queue_mail(
        AccountMail.Kind.INVITE,
        email=invitation.email,
        invitation=invitation,
        team_id=invitation.team_id,
        language=invitation.language,
    )


@transaction.atomic
def resend(*, invitation: Invitation, actor: User) -> Invitation:
    """Send an invitation again, with a new link and a new expiry date. The old link becomes void.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: it was accepted or revoked, or was sent less than a minute ago.
    """
    _require_admin(actor, invitation.team)
    locked: Invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    _require_open(locked)
    if AccountMail.objects.filter(invitation=locked, created_at__gt=timezone.now() - timedelta(minutes=1)).exists():
        raise DomainError(_("The invitation was sent less than a minute ago."))
    locked.expires_at = timezone.now() + VALID
    _issue_token(locked)
    return locked


@transaction.atomic
def revoke(*, invitation: Invitation, actor: User) -> None:
    """Revoke an invitation. Its link is void immediately.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: it was accepted or revoked.
    """
    _require_admin(actor, invitation.team)
    locked: Invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    _require_open(locked)
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    logger.info("invitation revoked", extra={"user": actor.pk, "invitation": locked.pk})


def _require_open(invitation: Invitation) -> None:
    if invitation.revoked_at is not None:
        raise DomainError(_("This invitation was revoked. Ask the team for a new one."))
    if invitation.accepted_at is not None:
        raise DomainError(_("This invitation was already accepted. Sign in instead."))


def find_invitation(token: str, *, is_locked: bool = False) -> Invitation:
    """Return the invitation that a link's token belongs to.

    Raises:
        DomainError: the token is unknown, or the invitation was accepted or revoked, or has expired.
    """
    rows = Invitation.objects.select_related("team", "invited_by")
    if is_locked:
        rows = rows.select_for_update(of=("self",))
    found: Invitation | None = rows.filter(token_hash=mails.hash_token(token)).first()
    if found is None:
        raise DomainError(_("This link is incomplete or was replaced. Use the link in the latest e-mail."))
    _require_open(found)
    if found.has_expired:
        raise DomainError(_("This invitation has expired. Ask the team for a new one."))
    return found


@transaction.atomic
def accept_as_new(*, token: str, first_name: str, last_name: str, password: str) -> User:
    """Accept an invitation as a new user. The link proves their address.

    Raises:
        DomainError: the invitation is not valid, the account exists already, or name or password is invalid.
    """
    invitation = find_invitation(token, is_locked=True)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise DomainError(_("There is already an account with this address. Sign in to accept."))
    check_lines(first_name=first_name, last_name=last_name)
    user = User(
        email=invitation.email,
        first_name=first_name.strip(),
        last_name=last_name.strip(),
        language=invitation.language,
        email_verified_at=timezone.now(),
    )
    try:
        if len(password) > MAX_PASSWORD_LENGTH:
            raise ValidationError(_("A password has 1 to %(most)d characters.") % {"most": MAX_PASSWORD_LENGTH})
        validate_password(password, user)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages), fields={"password1": ""}) from None
    user.set_password(password)
    user.save()
    _join(invitation, user)
    return user


@transaction.atomic
def accept_as(*, token: str, user: User) -> Team:
    """Accept an invitation as a user who is signed in.

    Raises:
        DomainError: the invitation is not valid, or is for another address.
    """
    invitation = find_invitation(token, is_locked=True)
    check_recipient(invitation, user)
    _join(invitation, user)
    return invitation.team


def check_recipient(invitation: Invitation, user: User) -> None:
    """Check that an invitation is for this user's address.

    Raises:
        DomainError: it is for another address.
    """
    if invitation.email.lower() != user.email.lower():
        raise DomainError(
            _("This invitation is for %(invited)s, but you are signed in as %(email)s.")
            % {"invited": invitation.email, "email": user.email}
        )


def _join(invitation: Invitation, user: User) -> None:
    """Add the user to the team, where a member keeps their role, or give a driver access to the place."""
    if invitation.is_to_charge:
        _give_access(invitation, user)
    else:
        Membership.objects.get_or_create(team=invitation.team, user=user, defaults={"role": invitation.role})
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    if user.email_verified_at is None:
        user.email_verified_at = invitation.accepted_at
        user.save(update_fields=["email_verified_at"])
    people_services.enrol(user)
    logger.info("invitation accepted", extra={"user": user.pk, "invitation": invitation.pk})


def _give_access(invitation: Invitation, user: User) -> None:
    """Give an invited driver access to the place.

    Raises:
        DomainError: the access has ended, or the inviting person may no longer grant it.
    """
    giver, place = invitation.invited_by, invitation.place
    may_give = giver is not None and place.team_id == invitation.team_id and giver.access.may(Can.MANAGE_ACCESS, place)
    has_ended = invitation.access_ends_at is not None and invitation.access_ends_at <= timezone.now()
    if giver is None or not may_give or has_ended:
        raise DomainError(_("This invitation is no longer valid. Ask the team for a new one."))
    target = {"installation": invitation.installation, "station": invitation.station}
    same = Grant.objects.filter(**target, user=user, role=GrantRole.USER, withdrawn_at__isnull=True)
    if same.active().exists():
        return
    same.update(withdrawn_at=F("ends_at"))
    acts_for_team = giver.is_staff or invitation.team_id in giver.access.scope(Can.MANAGE_ACCESS).teams
    grant = Grant.objects.create(
        team=invitation.team,
        **target,
        role=GrantRole.USER,
        user=user,
        ends_at=invitation.access_ends_at,
        created_by=giver,
        given_by=GivenBy.TEAM if acts_for_team else GivenBy.OWNER,
    )
    grant_listeners.announce(grant)


@transaction.atomic
def change_role(*, membership: Membership, role: str, actor: User | None = None) -> None:
    """Change the role of a member.

    Raises:
        NotAllowed: the actor is not an administrator of the team.
        DomainError: the role is unknown, or the team would have no administrator.
    """
    _require_admin(actor, membership.team)
    if role not in Role.values:
        raise DomainError(_("Choose a role."), fields={"role": ""})
    locked = _lock(membership)
    if role != Role.ADMIN:
        _require_another_admin(locked)
    locked.role = role
    locked.save(update_fields=["role"])
    logger.info("role changed", extra={"user": actor and actor.pk, "membership": locked.pk})


@transaction.atomic
def remove_member(*, membership: Membership, actor: User) -> None:
    """Remove a member. Administrators can remove anybody, and everyone can leave.

    Raises:
        NotAllowed: the actor is neither an administrator nor the member.
        DomainError: the team would have no administrator.
    """
    if membership.user_id != actor.pk:
        _require_admin(actor, membership.team)
    locked = _lock(membership)
    _require_another_admin(locked)
    locked.delete()
    logger.info("member removed", extra={"user": actor.pk, "team": membership.team_id, "member": membership.user_id})


def _lock(membership: Membership) -> Membership:
    """Lock the team and return the membership, so that two administrators cannot remove each other concurrently."""
    Team.objects.select_for_update().get(pk=membership.team_id)
    found: Membership | None = Membership.objects.filter(pk=membership.pk).first()
    if found is None:
        raise DomainError(_("This person is no longer a member of the team."))
    return found


def _require_another_admin(membership: Membership) -> None:
    if membership.role != Role.ADMIN:
        return
    others = Membership.objects.filter(team=membership.team_id, role=Role.ADMIN, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise DomainError(_("A team needs an administrator. Give another member this role first."))
