"""Membership of a team: invitations by e-mail, changes of role, removal."""

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
from accounts.members.services import given
from accounts.people import services as team_services
from accounts.people.models import Membership, User
from accounts.people.services import MAX_PASSWORD_LENGTH
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)
VALID = timedelta(days=14)
MAX_OPEN = 200  # of one team: nobody mails the world through us


def _manages(actor: User, team: Team) -> None:
    if not actor.access.may(Can.MANAGE_TEAM, team):
        raise NotAllowed(_("Only administrators of the team may do this."))


@transaction.atomic
def invite(
    *, team: Team, email: str, role: str, actor: User, language: str = "", expires_at: datetime | None = None
) -> Invitation:
    """Ask somebody by mail to join the team.

    Raises:
        NotAllowed: the actor is no administrator of the team.
        DomainError: no address, no role, already in the team or invited, or too many are open.
    """
    _manages(actor, team)
    if role not in Role.values:
        raise DomainError(_("There is no such role."), fields={"role": ""})
    return write_invitation(team=team, email=email, role=role, actor=actor, language=language, expires_at=expires_at)


def write_invitation(
    *,
    team: Team,
    email: str,
    role: str,
    actor: User | None,
    language: str = "",
    expires_at: datetime | None = None,
    **place: Any,
) -> Invitation:
    """Write an invitation and its mail; whether the actor may invite has been checked.

    Raises:
        DomainError: no address, already in the team or invited, or too many are open.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise DomainError(_("This is no e-mail address."), fields={"email": ""}) from None
    Team.objects.select_for_update().get(pk=team.pk)
    if Membership.objects.filter(team=team, user__email__iexact=email).exists():
        raise DomainError(_("This person is in the team already."), fields={"email": ""})
    waiting = Invitation.objects.filter(team=team).open()
    if waiting.filter(email__iexact=email).exists():
        raise DomainError(_("This person is invited already: send the invitation again."), fields={"email": ""})
    if waiting.count() >= MAX_OPEN:
        raise DomainError(_("Too many invitations are open: revoke some of them first."))
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
    _renew(invitation)
    logger.info("invited", extra={"user": actor and actor.pk, "team": team.pk, "invitation": invitation.pk})
    return invitation


def _renew(invitation: Invitation) -> None:
    """A token that was never in a mail, and the mail."""
    invitation.nonce = secrets.token_urlsafe(32)
    invitation.token_hash = mails.hash_of(mails.invitation_token(invitation))
    invitation.save()
    mails.write_mail(
        AccountMail.Kind.INVITE,
        email=invitation.email,
        invitation=invitation,
        team_id=invitation.team_id,
        language=invitation.language,
    )


@transaction.atomic
def resend(*, invitation: Invitation, actor: User) -> Invitation:
    """Once more, with another link, valid for as long as a new one; the first link is void.

    Raises:
        NotAllowed: the actor is no administrator of the team.
        DomainError: it was accepted or revoked, or was sent a minute ago.
    """
    _manages(actor, invitation.team)
    locked: Invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    _must_be_open(locked)
    if AccountMail.objects.filter(invitation=locked, created_at__gt=timezone.now() - timedelta(minutes=1)).exists():
        raise DomainError(_("The invitation was sent less than a minute ago."))
    locked.expires_at = timezone.now() + VALID
    _renew(locked)
    return locked


@transaction.atomic
def revoke(*, invitation: Invitation, actor: User) -> None:
    """Its link is void at once.

    Raises:
        NotAllowed: the actor is no administrator of the team.
        DomainError: it was accepted or revoked.
    """
    _manages(actor, invitation.team)
    locked: Invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    _must_be_open(locked)
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    logger.info("invitation revoked", extra={"user": actor.pk, "invitation": locked.pk})


def _must_be_open(invitation: Invitation) -> None:
    if invitation.revoked_at is not None:
        raise DomainError(_("This invitation was revoked. Please ask the team for another one."))
    if invitation.accepted_at is not None:
        raise DomainError(_("This invitation was accepted already: sign in."))


def find_invitation(token: str, *, is_locked: bool = False) -> Invitation:
    """The invitation of a link.

    Raises:
        DomainError: there is none, or it was accepted, revoked, or has expired.
    """
    rows = Invitation.objects.select_related("team", "invited_by")
    if is_locked:
        rows = rows.select_for_update(of=("self",))
    found: Invitation | None = rows.filter(token_hash=mails.hash_of(token)).first()
    if found is None:
        raise DomainError(_("This link is not complete, or a newer invitation was sent: use the one in the last mail."))
    _must_be_open(found)
    if found.has_expired:
        raise DomainError(_("This invitation has expired. Please ask the team for another one."))
    return found


@transaction.atomic
def accept_as_new(*, token: str, first_name: str, last_name: str, password: str) -> User:
    """A new person, whose address is proved by the link.

    Raises:
        DomainError: the invitation does not count, there is such a person, or the password is too weak.
    """
    invitation = find_invitation(token, is_locked=True)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise DomainError(_("There is an account with this address already: sign in to accept."))
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
    """Somebody who has an account joins.

    Raises:
        DomainError: the invitation does not count, or is for another address.
    """
    invitation = find_invitation(token, is_locked=True)
    must_fit(invitation, user)
    _join(invitation, user)
    return invitation.team


def must_fit(invitation: Invitation, user: User) -> None:
    """Raises:
    DomainError: the invitation is for another address than this person's.
    """
    if invitation.email.lower() != user.email.lower():
        raise DomainError(
            _("This invitation is for %(invited)s, but you are signed in as %(email)s.")
            % {"invited": invitation.email, "email": user.email}
        )


def _join(invitation: Invitation, user: User) -> None:
    """Who is in the team meanwhile keeps the role he has; a driver gets access and joins nothing."""
    if invitation.is_to_charge:
        _give_access(invitation, user)
    else:
        Membership.objects.get_or_create(team=invitation.team, user=user, defaults={"role": invitation.role})
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    if user.email_verified_at is None:
        user.email_verified_at = invitation.accepted_at
        user.save(update_fields=["email_verified_at"])
    team_services.enrol(user)
    logger.info("invitation accepted", extra={"user": user.pk, "invitation": invitation.pk})


def _give_access(invitation: Invitation, user: User) -> None:
    """
    Raises:
        DomainError: the access has ended, or whoever invited may not give it any more.
    """
    giver, place = invitation.invited_by, invitation.place
    may_give = giver is not None and place.team_id == invitation.team_id and giver.access.may(Can.MANAGE_ACCESS, place)
    has_ended = invitation.access_ends_at is not None and invitation.access_ends_at <= timezone.now()
    if giver is None or not may_give or has_ended:
        raise DomainError(_("This invitation no longer counts. Please ask the team for another one."))
    on = {"installation": invitation.installation, "station": invitation.station}
    same = Grant.objects.filter(**on, user=user, role=GrantRole.USER, withdrawn_at__isnull=True)
    if same.active().exists():
        return
    same.update(withdrawn_at=F("ends_at"))
    acts_for_team = giver.is_staff or invitation.team_id in giver.access.scope(Can.MANAGE_ACCESS).teams
    grant = Grant.objects.create(
        team=invitation.team,
        **on,
        role=GrantRole.USER,
        user=user,
        ends_at=invitation.access_ends_at,
        created_by=giver,
        given_by=GivenBy.TEAM if acts_for_team else GivenBy.OWNER,
    )
    given.announce(grant)


@transaction.atomic
def change_role(*, membership: Membership, role: str, actor: User) -> None:
    """Raises:
    NotAllowed: the actor is no administrator of the team.
    DomainError: no role, or the team would have no administrator.
    """
    _manages(actor, membership.team)
    if role not in Role.values:
        raise DomainError(_("There is no such role."), fields={"role": ""})
    locked = _lock(membership)
    if role != Role.ADMIN:
        _another_admin(locked)
    locked.role = role
    locked.save(update_fields=["role"])
    logger.info("role changed", extra={"user": actor.pk, "membership": locked.pk})


@transaction.atomic
def remove_member(*, membership: Membership, actor: User) -> None:
    """Administrators remove anybody; everybody may leave.

    Raises:
        NotAllowed: the actor is neither.
        DomainError: the team would have no administrator.
    """
    if membership.user_id != actor.pk:
        _manages(actor, membership.team)
    locked = _lock(membership)
    _another_admin(locked)
    locked.delete()
    logger.info("member removed", extra={"user": actor.pk, "team": membership.team_id, "member": membership.user_id})


def _lock(membership: Membership) -> Membership:
    """All of the team's changes one after another: two administrators cannot remove each other at the same time."""
    Team.objects.select_for_update().get(pk=membership.team_id)
    found: Membership | None = Membership.objects.filter(pk=membership.pk).first()
    if found is None:
        raise DomainError(_("This person is not in the team any more."))
    return found


def _another_admin(membership: Membership) -> None:
    if membership.role != Role.ADMIN:
        return
    others = Membership.objects.filter(team=membership.team_id, role=Role.ADMIN, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise DomainError(_("A team needs an administrator: give somebody else this role first."))
