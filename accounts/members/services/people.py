"""Users as the administrators of their teams manage them: edited, and erased when they leave."""

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
    """Whom this person may change: himself, and who is in a team whose teammates he manages. Nobody else is to be seen;
    support staff is only to be seen by support staff."""
    people: QuerySet[User] = User.objects.filter(erased_at__isnull=True)
    scope = actor.access.scope(Can.MANAGE_TEAM)
    if scope.is_everything:
        return people
    theirs = Q(pk__in=Membership.objects.filter(team__in=scope.teams).values("user"), is_staff=False)
    return people.filter(theirs | Q(pk=actor.pk))


def shared_teams(actor: User, person: User) -> QuerySet[Team]:
    """Teams that the person is in and the actor manages."""
    scope = actor.access.scope(Can.MANAGE_TEAM)
    teams: QuerySet[Team] = Team.objects.filter(members=person).order_by("name")
    return teams if scope.is_everything else teams.filter(pk__in=scope.teams)


def why_not_personal(actor: User, person: User) -> str:
    """Return the sentence why the actor cannot change a person's name, phone and language; empty when they can.

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


def numbers_of(actor: User, person: User) -> QuerySet[Membership]:
    """Return the memberships whose employee number the actor may change."""
    found: QuerySet[Membership] = person.memberships.filter(team__in=shared_teams(actor, person))
    return found.select_related("team").order_by("team__name", "pk")


def phone_refusal(phone: str) -> str:
    """Return the sentence that says why this is no telephone number; nothing where it may be one, or is empty."""
    if all(sign.isdigit() or sign in "+-/() ." for sign in phone.strip()):
        return ""
    return _("A number has digits, blanks and + - / ( ) only.")


@transaction.atomic
def edit_person(
    *,
    person: User,
    actor: User,
    values: Mapping[str, str] | None = None,
    employee_numbers: Mapping[int, str] | None = None,
) -> None:
    """Change what is known about a person.

    Args:
        values: name, phone and language (FIELDS), where they are to be changed.
        employee_numbers: by membership.

    Raises:
        NotAllowed: the actor may not change this person, these values or one of these memberships.
        DomainError: a value holds control characters, or the phone is no number.
    """
    if not users_managed_by(actor).filter(pk=person.pk).exists():
        raise NotAllowed(_("You may not change this person."))
    if values is not None:
        if why_not := why_not_personal(actor, person):
            raise NotAllowed(why_not)
        check_lines(**{name: values[name] for name in FIELDS})
        if refusal := phone_refusal(values["phone"]):
            raise DomainError(refusal, fields={"phone": refusal})
        for name in FIELDS:
            setattr(person, name, values[name].strip())
        person.save(update_fields=FIELDS)
    allowed = {membership.pk: membership for membership in numbers_of(actor, person)}
    for pk, number in (employee_numbers or {}).items():
        if pk not in allowed:
            raise NotAllowed(_("Only administrators of the team may change employee numbers."))
        check_lines(**{f"employee_number_{pk}": number})
        allowed[pk].employee_number = number.strip()
        allowed[pk].save(update_fields=["employee_number"])
    logger.info("person changed", extra={"user": actor.pk, "person": person.pk})


@transaction.atomic
def erase_person(*, person: User, actor: User) -> bool:
    """Erase a user. What they did stays on record under a pseudonym, and their e-mail address is free again.

    Somebody who is also in teams that the actor does not manage only leaves the actor's.

    Returns:
        Whether the account is erased.

    Raises:
        NotAllowed: the actor may not change this person.
        DomainError: a team would be left without an administrator.
    """
    if not users_managed_by(actor).filter(pk=person.pk).exists():
        raise NotAllowed(_("You may not delete this person."))
    teams = list(Team.objects.select_for_update().filter(members=person).order_by("pk"))
    person = User.objects.select_for_update().get(pk=person.pk)
    traces = erasure.Traces(person)
    mine = set(shared_teams(actor, person).values_list("pk", flat=True))
    is_own_account = person == actor and actor.access.only_team_id is None  # else the session is limited to a team
    is_all = is_own_account or actor.is_staff or mine == {team.pk for team in teams}
    for team in teams:
        if is_all or team.pk in mine:
            _leave(person, team)
    if is_all:
        erasure.erase(person, traces)
    logger.info("person erased" if is_all else "person left", extra={"user": actor.pk, "person": person.pk})
    return is_all


def _leave(person: User, team: Team) -> None:
    others = Membership.objects.filter(team=team).exclude(user=person)
    was_admin = Membership.objects.filter(team=team, user=person, role=Role.ADMIN).exists()
    if was_admin and others.exists() and not others.filter(role=Role.ADMIN, user__is_active=True).exists():
        raise DomainError(
            _("%(name)s is the only administrator of %(team)s: give somebody else this role first.")
            % {"name": person, "team": team}
        )
    Membership.objects.filter(team=team, user=person).delete()
    person.tags.filter(team=team).update(user=None, label="", status="blocked")
