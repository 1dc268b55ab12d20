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
    """Share an installation or a station with a person (by e-mail address) or a team (by handle).

    Args:
        ends_at: when the access ends by itself; None: when somebody withdraws it.

    Raises:
        NotAllowed: the person may not manage the access of this place.
        DomainError: the role, the end or the recipient is none (`fields` names which), the recipient has this access
            already, or the person would give more than he has.
    """
    _demand_access(actor, place)
    if place.team_id is None:
        raise DomainError(_("A station in the pool has no team yet that could share it."))
    _check_role(role)
    _check_end(ends_at)
    user, team = _recipient(place, email.strip(), to_team.strip())
    if user is not None and actor is not None and user.pk == actor.pk:
        refuse("email", _("You cannot give access to yourself."))
    _demand_as_much(actor, place, role, ends_at)
    _make_room(place, role, user, team)
    on = {"installation" if isinstance(place, Installation) else "station": place}
    facts = {"role": role, "user": user, "to_team": team, "ends_at": ends_at, "created_by": actor}
    facts["given_by"] = GivenBy.TEAM if actor is None or _acts_for_team(actor, place.team_id) else GivenBy.OWNER
    try:
        with transaction.atomic():
            grant = Grant.objects.create(team_id=place.team_id, **on, **facts)
    except IntegrityError:  # somebody else gave it in this moment
        raise DomainError(_("This access was given in this moment already.")) from None
    record_access(grant)
    _tell(grant, GIVEN)
    return grant


@transaction.atomic
def invite_driver(
    *, place: Place, email: str, ends_at: datetime | None = None, actor: User, language: str = ""
) -> Invitation:
    """Ask somebody who has no account to charge at a place: with the account they get access, and join no team.

    Raises:
        NotAllowed: the person may not manage the access of this place.
        DomainError: the address has an account, is none or is invited already, or the end is past or too late.
    """
    _demand_access(actor, place)
    if place.team is None:
        raise DomainError(_("A station in the pool has no team yet that could share it."))
    _check_end(ends_at)
    _demand_as_much(actor, place, GrantRole.USER, ends_at)
    if User.objects.filter(email__iexact=email.strip()).exists():
        refuse("email", _("This person has an account: grant access instead."))
    on: dict[str, Any] = {"installation" if isinstance(place, Installation) else "station": place}
    return create_invitation(
        team=place.team,
        email=email,
        role=GrantRole.USER,
        actor=actor,
        language=language,
        access_ends_at=ends_at,
        **on,
    )


def has_no_account(email: str) -> bool:
    return bool(email.strip()) and not User.objects.filter(email__iexact=email.strip()).exists()


@transaction.atomic
def edit_grant(*, grant: Grant, role: str, ends_at: datetime | None, actor: User | None = None) -> Grant:
    """Give another role or another end to an access that counts.

    Raises:
        NotAllowed: the person may not manage the access of this place.
        DomainError: the access has ended, or what `give_grant` refuses.
    """
    grant = _lock(grant)
    _demand_access(actor, grant.place)
    if actor is not None and not may_change(actor, grant):
        raise NotAllowed(_("You may not change this access: the team gave it."))
    if not grant.is_active:
        raise DomainError(_("This access has ended. Give it again instead."))
    _check_role(role)
    if (role, ends_at) == (grant.role, grant.ends_at):
        return grant
    if ends_at != grant.ends_at:
        _check_end(ends_at)
    _demand_as_much(actor, grant.place, role, ends_at)
    if role != grant.role:
        _make_room(grant.place, role, grant.user, grant.to_team)
    grant.role, grant.ends_at = role, ends_at
    grant.save(update_fields=["role", "ends_at"])
    _tell(grant, CHANGED)
    return grant


@transaction.atomic
def withdraw_grant(*, grant: Grant, actor: User | None = None) -> Grant:
    """End an access at once; it stays listed. Who holds it may give it back himself, for a team its administrators.

    Raises:
        NotAllowed: the person may neither manage the access of this place nor give it back.
    """
    grant = _lock(grant)
    if actor is not None and not may_withdraw(actor, grant):
        raise NotAllowed(_("You may not withdraw this access."))
    if grant.withdrawn_at is not None:
        return grant
    had_ended = grant.has_ended
    grant.withdrawn_at = grant.ends_at if had_ended else timezone.now()
    grant.save(update_fields=["withdrawn_at"])
    end_access(grant, grant.withdrawn_at or timezone.now())
    if not had_ended:
        _tell(grant, WITHDRAWN)
    return grant


def may_withdraw(actor: User, grant: Grant) -> bool:
    """Whether the table of withdrawals says yes; see `accounts.rights.REVOCABLE_BY`."""
    return actor.is_staff or bool(REVOCABLE_BY[grant.role, grant.given_by] & _parts(actor, grant))


def may_change(actor: User, grant: Grant) -> bool:
    """Another role or an earlier end takes access away as well, so only they may who may withdraw it; but holders may
    give it back and nothing else."""
    return actor.is_staff or bool(REVOCABLE_BY[grant.role, grant.given_by] & (_parts(actor, grant) - {Revoker.HOLDER}))


def _parts(actor: User, grant: Grant) -> set[Revoker]:
    """What somebody is to a grant."""
    parts = set()
    if grant.user_id == actor.pk or (
        grant.to_team_id is not None and actor.access.has_role(grant.to_team_id, Role.ADMIN)
    ):
        parts.add(Revoker.HOLDER)
    if not actor.access.may(Can.MANAGE_ACCESS, grant.place):
        return parts
    if _acts_for_team(actor, grant.team_id):
        parts.add(Revoker.ADMIN)
    else:
        parts.add(Revoker.GIVER if grant.created_by_id == actor.pk else Revoker.OWNER)
    return parts


def _acts_for_team(actor: User, team_id: int | None) -> bool:
    """Whether this person manages access for the team that owns the place, and not by access that was given."""
    return actor.is_staff or team_id in actor.access.scope(Can.MANAGE_ACCESS).teams


def roles_to_give(actor: User, place: Place) -> list[str]:
    """Nobody gives more than he has: a role is given by who holds all its rights at this place."""
    return [role for role in GrantRole.values if all(actor.access.may(right, place) for right in rights_of(role))]


def find_place(*, actor: User, station: str = "", installation: int | None = None) -> Place:
    """What somebody means who wants to share it.

    Raises:
        DomainError: there is no such station or installation that this person can see, or not just one was named.
    """
    if bool(station) is (installation is not None):
        refuse("station", _("Name an installation or a station."))
    if station:
        stations = ChargingStation.objects.visible_to(actor).defer("password", "next_password")
        found = stations.filter(identity=station).first()
        return found or refuse("station", _("There is no station “%(identity)s”.") % {"identity": station})
    place = Installation.objects.visible_to(actor).filter(pk=installation).first()
    return place or refuse("installation", _("There is no such installation."))


def _lock(grant: Grant) -> Grant:
    rows = Grant.objects.select_related("installation", "station", "user", "to_team", "team")
    return rows.defer("station__password", "station__next_password").select_for_update(of=("self",)).get(pk=grant.pk)


def _demand_access(actor: User | None, place: Place) -> None:
    if actor is not None and not actor.access.may(Can.MANAGE_ACCESS, place):
        raise NotAllowed(_("Only administrators of the team and owners may give and withdraw access."))


def _demand_as_much(actor: User | None, place: Place, role: str, ends_at: datetime | None) -> None:
    """Neither more rights nor a longer time than the person has."""
    if actor is None:
        return
    if role not in roles_to_give(actor, place):
        named = {"role": GrantRole(role).label}
        refuse("role", _("You may not give the role “%(role)s”: it includes more than you may do here.") % named)
    latest = _latest_end(actor, place, role)
    if latest is not None and (ends_at is None or ends_at > latest):
        refuse("ends_at", _("Your own access ends at %(end)s; you cannot give it for longer.") % {"end": _said(latest)})


def _latest_end(actor: User, place: Place, role: str) -> datetime | None:
    """Until when this person holds all that the role includes; None: without end."""
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
        refuse("ends_at", _("This time is past."))
    if ends_at is not None and not is_sensible(ends_at):
        refuse("ends_at", _("This time is too far away; leave it out for no end."))


def _recipient(place: Place, email: str, handle: str) -> tuple[User | None, Team | None]:
    if bool(email) is bool(handle):
        refuse("email", _("Name a person by e-mail address, or a team by handle."))
    if email:
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            sentence = _("Nobody with the address “%(email)s” has an account here. Invite this person first.")
            refuse("email", sentence % {"email": email})
        return user, None
    team = Team.objects.filter(handle=handle).first()
    if team is None:
        refuse("to_team", _("There is no team “%(handle)s”.") % {"handle": handle})
    if team.pk == place.team_id:
        refuse("to_team", _("It belongs to this team already: its teammates have their roles in the team."))
    return None, team


def _make_room(place: Place, role: str, user: User | None, team: Team | None) -> None:
    """The same access is given once. One that has ended by itself makes room for a new one and stays as a record."""
    on = {"installation" if isinstance(place, Installation) else "station": place}
    known = Grant.objects.select_for_update().filter(
        **on, role=role, user=user, to_team=team, withdrawn_at__isnull=True
    )
    for grant in known:
        if grant.is_active:
            sentence = _("%(who)s has the role “%(role)s” here already. Change that access instead.")
            named = {"who": user or team, "role": GrantRole(role).label}
            refuse("email" if user else "to_team", sentence % named)
        grant.withdrawn_at = grant.ends_at
        grant.save(update_fields=["withdrawn_at"])


def _tell(grant: Grant, what: str) -> None:
    mail_about_grant(grant, what)
    logger.info("access %s", what, extra={"grant": grant.pk, "team": grant.team_id, "role": grant.role})


def _said(at: datetime) -> str:
    return formatting.date_time(at)
