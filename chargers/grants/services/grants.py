"""Access of other teams and users to an installation or a station: granting, changing and revoking it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import REVOCABLE_BY, Can, GivenBy, GrantRole, Revoker, Role, rights_of
from accounts.mails.services.grant_mail import CHANGED, GIVEN, WITHDRAWN
from accounts.members.services.invitations import create_invitation
from accounts.models import Grant, Invitation, Team, User
from chargers.events.services import end_access, record_access
from chargers.grants.services.mails import mail_about_grant
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.text.dates import is_sensible
from cpms.common.web import formatting

logger = logging.getLogger(__name__)
Place = Installation | ChargingStation


@transaction.atomic
def create_grant(
    *,
    place: Place,
    role: str,
    email: str = "",
    to_team: str = "",
    ends_at: datetime | None = None,
    actor: User | None = None,
) -> Grant:
    """Grant access to an installation or a station to a user (by e-mail address) or a team (by handle).

    Args:
        ends_at: when the access expires; None: only when it is revoked.

    Raises:
        NotAllowed: the actor may not manage the access to this place.
        DomainError: the role, end or recipient is not valid (`fields` names which), the recipient has this access
            already, or the actor would grant more than their own access.
    """
    _require_access(actor, place)
    if place.team_id is None:
        raise DomainError(_("This station has no team yet, so access to it cannot be granted."))
    _check_role(role)
    _check_end(ends_at)
    user, team = _recipient(place, email.strip(), to_team.strip())
    if user is not None and actor is not None and user.pk == actor.pk:
        refuse("email", _("You cannot grant access to yourself."))
    _require_no_more_than_own(actor, place, role, ends_at)
    _require_new_access(place, role, user, team)
    target = {"installation" if isinstance(place, Installation) else "station": place}
    fields = {"role": role, "user": user, "to_team": team, "ends_at": ends_at, "created_by": actor}
    fields["given_by"] = GivenBy.TEAM if actor is None or _acts_for_team(actor, place.team_id) else GivenBy.OWNER
    try:
        with transaction.atomic():
            grant = Grant.objects.create(team_id=place.team_id, **target, **fields)
    except IntegrityError:  # another request granted it at the same time
        raise DomainError(_("This access has just been granted.")) from None
    record_access(grant)
    _notify(grant, GIVEN)
    return grant


@transaction.atomic
def invite_driver(
    *, place: Place, email: str, ends_at: datetime | None = None, actor: User, language: str = ""
) -> Invitation:
    """Invite a person without an account to charge at a place: with the account they get access, but join no team.

    Raises:
        NotAllowed: the actor may not manage the access to this place.
        DomainError: the address has an account, is not valid or is invited already, or the end is past or too late.
    """
    _require_access(actor, place)
    if place.team is None:
        raise DomainError(_("This station has no team yet, so access to it cannot be granted."))
    _check_end(ends_at)
    _require_no_more_than_own(actor, place, GrantRole.USER, ends_at)
    if User.objects.filter(email__iexact=email.strip()).exists():
        refuse("email", _("This person already has an account. Grant access instead."))
    target: dict[str, Any] = {"installation" if isinstance(place, Installation) else "station": place}
    return create_invitation(
        team=place.team,
        email=email,
        role=GrantRole.USER,
        actor=actor,
        language=language,
        access_ends_at=ends_at,
        **target,
    )


def has_no_account(email: str) -> bool:
    """Return whether an e-mail address is given for which there is no account."""
    return bool(email.strip()) and not User.objects.filter(email__iexact=email.strip()).exists()


@transaction.atomic
def edit_grant(*, grant: Grant, role: str, ends_at: datetime | None, actor: User | None = None) -> Grant:
    """Change the role or the end of an active grant.

    Raises:
        NotAllowed: the actor may not manage the access to this place.
        DomainError: the grant has ended, or a value is not valid, see `create_grant`.
    """
    grant = _lock(grant)
    _require_access(actor, grant.place)
    if actor is not None and not may_change(actor, grant):
        raise NotAllowed(_("You cannot edit this access: the team granted it."))
    if not grant.is_active:
        raise DomainError(_("This access has ended. Grant it again instead."))
    _check_role(role)
    if (role, ends_at) == (grant.role, grant.ends_at):
        return grant
    if ends_at != grant.ends_at:
        _check_end(ends_at)
    _require_no_more_than_own(actor, grant.place, role, ends_at)
    if role != grant.role:
        _require_new_access(grant.place, role, grant.user, grant.to_team)
    grant.role, grant.ends_at = role, ends_at
    grant.save(update_fields=["role", "ends_at"])
    _notify(grant, CHANGED)
    return grant


@transaction.atomic
def withdraw_grant(*, grant: Grant, actor: User | None = None) -> Grant:
    """End a grant immediately; it stays listed. Its holder may give it back, for a team its administrators.

    Raises:
        NotAllowed: the actor may neither manage the access to this place nor give it back.
    """
    grant = _lock(grant)
    if actor is not None and not may_withdraw(actor, grant):
        raise NotAllowed(_("You cannot revoke this access."))
    if grant.withdrawn_at is not None:
        return grant
    had_ended = grant.has_ended
    grant.withdrawn_at = grant.ends_at if had_ended else timezone.now()
    grant.save(update_fields=["withdrawn_at"])
    end_access(grant, grant.withdrawn_at or timezone.now())
    if not had_ended:
        _notify(grant, WITHDRAWN)
    return grant


def may_withdraw(actor: User, grant: Grant) -> bool:
    """Return whether the actor may withdraw the grant, by the table `accounts.access.rights.REVOCABLE_BY`."""
    return actor.is_staff or bool(REVOCABLE_BY[grant.role, grant.given_by] & _relations(actor, grant))


def may_change(actor: User, grant: Grant) -> bool:
    """Return whether the actor may change role and end of the grant.

    Both can reduce the access, so only those who may withdraw it may change it. Holders may give it back but not change
    it.
    """
    return actor.is_staff or bool(
        REVOCABLE_BY[grant.role, grant.given_by] & (_relations(actor, grant) - {Revoker.HOLDER})
    )


def _relations(actor: User, grant: Grant) -> set[Revoker]:
    """Return the actor's relations to a grant: holder, administrator of the team, giver, other owner."""
    relations = set()
    if grant.user_id == actor.pk or (
        grant.to_team_id is not None and actor.access.has_role(grant.to_team_id, Role.ADMIN)
    ):
        relations.add(Revoker.HOLDER)
    if not actor.access.may(Can.MANAGE_ACCESS, grant.place):
        return relations
    if _acts_for_team(actor, grant.team_id):
        relations.add(Revoker.ADMIN)
    else:
        relations.add(Revoker.GIVER if grant.created_by_id == actor.pk else Revoker.OWNER)
    return relations


def _acts_for_team(actor: User, team_id: int | None) -> bool:
    """Return whether the actor manages access as a member of the team that owns the place, not by granted access."""
    return actor.is_staff or team_id in actor.access.scope(Can.MANAGE_ACCESS).teams


def roles_to_give(actor: User, place: Place) -> list[str]:
    """Return the roles that the actor may grant at this place: those of which they have every right themselves."""
    return [role for role in GrantRole.values if all(actor.access.may(right, place) for right in rights_of(role))]


def find_place(*, actor: User, station: str = "", installation: int | None = None) -> Place:
    """Return the station or installation that is named.

    Raises:
        DomainError: there is none that the actor can see, or not exactly one was named.
    """
    if bool(station) is (installation is not None):
        refuse("station", _("Choose an installation or a station."))
    if station:
        stations = ChargingStation.objects.visible_to(actor).defer("password", "next_password")
        found = stations.filter(identity=station).first()
        return found or refuse("station", _("There is no station “%(identity)s”.") % {"identity": station})
    place = Installation.objects.visible_to(actor).filter(pk=installation).first()
    return place or refuse("installation", _("There is no such installation."))


def _lock(grant: Grant) -> Grant:
    rows = Grant.objects.select_related("installation", "station", "user", "to_team", "team")
    return rows.defer("station__password", "station__next_password").select_for_update(of=("self",)).get(pk=grant.pk)


def _require_access(actor: User | None, place: Place) -> None:
    if actor is not None and not actor.access.may(Can.MANAGE_ACCESS, place):
        raise NotAllowed(_("Only administrators of the team and owners can grant and revoke access."))


def _require_no_more_than_own(actor: User | None, place: Place, role: str, ends_at: datetime | None) -> None:
    """Raise an error if the actor would grant more rights, or for longer, than they have."""
    if actor is None:
        return
    if role not in roles_to_give(actor, place):
        values = {"role": GrantRole(role).label}
        refuse(
            "role", _("You cannot grant the role “%(role)s”: it includes rights that you do not have here.") % values
        )
    latest = _latest_end(actor, place, role)
    if latest is not None and (ends_at is None or ends_at > latest):
        refuse(
            "ends_at",
            _("Your own access ends at %(end)s. You cannot grant access for longer.") % {"end": _format_time(latest)},
        )


def _latest_end(actor: User, place: Place, role: str) -> datetime | None:
    """Return until when the actor has all rights of the role; None: without end."""
    if actor.is_staff:
        return None
    installation_id = place.pk if isinstance(place, Installation) else place.installation_id
    station_id = place.pk if isinstance(place, ChargingStation) else None
    here = [
        held
        for held in actor.access.active_grants
        if (held.installation_id is not None and held.installation_id == installation_id)
        or (held.station_id is not None and held.station_id == station_id)
    ]
    team_rights = actor.access.roles.get(place.team_id) if place.team_id is not None else None
    own = set(rights_of(team_rights)) if team_rights else set()
    ends = []
    for right in set(rights_of(role)) - own:
        of_right = [held.ends_at for held in here if held.allows(right)]
        if None not in of_right:
            ends.append(max(end for end in of_right if end is not None))
    return min(ends, default=None)


def _check_role(role: str) -> None:
    if role not in GrantRole.values:
        refuse("role", _("The role must be one of: %(roles)s.") % {"roles": ", ".join(GrantRole.values)})


def _check_end(ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at <= timezone.now():
        refuse("ends_at", _("This time is in the past."))
    if ends_at is not None and not is_sensible(ends_at):
        refuse("ends_at", _("This time is too far in the future. Leave it empty for no end date."))


def _recipient(place: Place, email: str, handle: str) -> tuple[User | None, Team | None]:
    if bool(email) is bool(handle):
        refuse("email", _("Enter the e-mail address of a person or the handle of a team."))
    if email:
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            sentence = _("There is no user with the e-mail address “%(email)s”. Invite this person first.")
            refuse("email", sentence % {"email": email})
        return user, None
    team = Team.objects.filter(handle=handle).first()
    if team is None:
        refuse("to_team", _("There is no team “%(handle)s”.") % {"handle": handle})
    if team.pk == place.team_id:
        refuse("to_team", _("This team is the owner already. Its members have their roles in the team."))
    return None, team


def _require_new_access(place: Place, role: str, user: User | None, team: Team | None) -> None:
    """Raise an error if the recipient has this access already. An expired one is closed and stays as a record."""
    target = {"installation" if isinstance(place, Installation) else "station": place}
    known = Grant.objects.select_for_update().filter(
        **target, role=role, user=user, to_team=team, withdrawn_at__isnull=True
    )
    for grant in known:
        if grant.is_active:
            sentence = _("%(who)s already has the role “%(role)s” here. Edit that access instead.")
            values = {"who": user or team, "role": GrantRole(role).label}
            refuse("email" if user else "to_team", sentence % values)
        grant.withdrawn_at = grant.ends_at
        grant.save(update_fields=["withdrawn_at"])


def _notify(grant: Grant, what: str) -> None:
    mail_about_grant(grant, what)
    logger.info("access %s", what, extra={"grant": grant.pk, "team": grant.team_id, "role": grant.role})


def _format_time(at: datetime) -> str:
    return formatting.date_time(at)
