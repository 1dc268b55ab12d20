"""Services with which users and the administrators of their teams edit and erase users."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.access.rights import Can, Role
from accounts.members.services import erasure
from accounts.people.models import Membership, User
from accounts.teams.models import Team
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.text.lines import check_lines

logger = logging.getLogger(__name__)


FIELDS = ("first_name", "last_name", "phone", "language")


def users_managed_by(actor: User) -> QuerySet[User]:
    """Return the users that the actor may see and edit: themselves, and the members of teams they manage.

    Only support staff can see support staff.
    """
    people: QuerySet[User] = User.objects.filter(erased_at__isnull=True)
    scope = actor.access.scope(Can.MANAGE_TEAM)
    if scope.is_everything:
        return people
    theirs = Q(pk__in=Membership.objects.filter(team__in=scope.teams).values("user"), is_staff=False)
    return people.filter(theirs | Q(pk=actor.pk))


def shared_teams(actor: User, person: User) -> QuerySet[Team]:
    """Return the teams that the person is in and the actor manages."""
    scope = actor.access.scope(Can.MANAGE_TEAM)
    teams: QuerySet[Team] = Team.objects.filter(members=person).order_by("name")
    return teams if scope.is_everything else teams.filter(pk__in=scope.teams)


def personal_data_refusal(actor: User, person: User) -> str:
    """Return why the actor cannot edit a person's name, phone and language; empty if they can.

    These belong to the person, so one team's administrator must not change what other teams see.
    """
    if actor == person or actor.is_staff:
        return ""
    others = Membership.objects.filter(user=person).exclude(team__in=actor.access.scope(Can.MANAGE_TEAM).teams)
    if not others.exists():
        return ""
    return _("%(name)s is also a member of another team: only they can change their name, phone and language.") % {
        "name": person
    }


def editable_memberships(actor: User, person: User) -> QuerySet[Membership]:
    """Return the memberships of a person whose employee number the actor may edit."""
    memberships: QuerySet[Membership] = person.memberships.filter(team__in=shared_teams(actor, person))
    return memberships.select_related("team").order_by("team__name", "pk")


def phone_error(phone: str) -> str:
    """Return why this is not a phone number; empty if it is valid or empty."""
    if all(char.isdigit() or char in "+-/() ." for char in phone.strip()):
        return ""
    return _("Use only digits, spaces and + - / ( ).")


@transaction.atomic
def edit_person(
    *,
    person: User,
    actor: User,
    values: Mapping[str, str] | None = None,
    employee_numbers: Mapping[int, str] | None = None,
) -> None:
    """Edit a person's details.

    Args:
        values: name, phone and language (FIELDS); None leaves them unchanged.
        employee_numbers: by primary key of the membership.

    Raises:
        NotAllowed: the actor may not change this person, these values or one of these memberships.
        DomainError: a value contains control characters, or the phone number is invalid.
    """
    if not users_managed_by(actor).filter(pk=person.pk).exists():
        raise NotAllowed(_("You are not allowed to edit this user."))
    if values is not None:
        if why_not := personal_data_refusal(actor, person):
            raise NotAllowed(why_not)
        check_lines(**{name: values[name] for name in FIELDS})
        if error := phone_error(values["phone"]):
            raise DomainError(error, fields={"phone": error})
        for name in FIELDS:
            setattr(person, name, values[name].strip())
        person.save(update_fields=FIELDS)
    allowed = {membership.pk: membership for membership in editable_memberships(actor, person)}
    for pk, number in (employee_numbers or {}).items():
        if pk not in allowed:
            raise NotAllowed(_("Only administrators of the team can edit employee numbers."))
        check_lines(**{f"employee_number_{pk}": number})
        allowed[pk].employee_number = number.strip()
        allowed[pk].save(update_fields=["employee_number"])
    logger.info("person changed", extra={"user": actor.pk, "person": person.pk})


@transaction.atomic
def erase_person(*, person: User, actor: User) -> bool:
    """Erase a user. Their actions stay on record under a pseudonym, and their e-mail address can be used again.

    A user who is also in teams that the actor does not manage only leaves the actor's teams.

    Returns:
        Whether the account was erased.

    Raises:
        NotAllowed: the actor may not change this person.
        DomainError: a team would be left without an administrator.
    """
    if not users_managed_by(actor).filter(pk=person.pk).exists():
        raise NotAllowed(_("You are not allowed to delete this user."))
    teams = list(Team.objects.select_for_update().filter(members=person).order_by("pk"))
    person = User.objects.select_for_update().get(pk=person.pk)
    traces = erasure.Traces(person)
    managed = set(shared_teams(actor, person).values_list("pk", flat=True))
    is_own_account = (
        person == actor and actor.access.only_team_id is None
    )  # a session limited to one team cannot erase the account
    is_erased = is_own_account or actor.is_staff or managed == {team.pk for team in teams}
    for team in teams:
        if is_erased or team.pk in managed:
            _remove_from_team(person, team)
    if is_erased:
        erasure.erase(person, traces)
    logger.info("person erased" if is_erased else "person left", extra={"user": actor.pk, "person": person.pk})
    return is_erased


def _remove_from_team(person: User, team: Team) -> None:
    others = Membership.objects.filter(team=team).exclude(user=person)
    was_admin = Membership.objects.filter(team=team, user=person, role=Role.ADMIN).exists()
    if was_admin and others.exists() and not others.filter(role=Role.ADMIN, user__is_active=True).exists():
        raise DomainError(
            _("%(name)s is the only administrator of %(team)s. Give another member this role first.")
            % {"name": person, "team": team}
        )
    Membership.objects.filter(team=team, user=person).delete()
    person.tags.filter(team=team).update(user=None, label="", status="blocked")
