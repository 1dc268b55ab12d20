"""What several people hold now, read with one query: for work in which no request brings its own person."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import CharField, DateTimeField, F, IntegerField, Value
from django.utils.translation import gettext as _

from accounts.access.models import Grant
from accounts.access.rights import Held, Role
from accounts.people.models import Enrolment, Membership, User
from accounts.teams.models import Team, TeamDomain
from accounts.teams.services import check_domain
from cpms.common.errors import DomainError, refuse

NO_NUMBER: Any = Value(None, output_field=IntegerField())


NO_TIME: Any = Value(None, output_field=DateTimeField())


def read_rights(people: Collection[User]) -> None:
    """Set `roles` and `grants_held` of each person as they are in the database at this moment.

    An application's `program` with its team must have been loaded with it.
    """
    roles: dict[int, dict[int, str]] = {person.pk: {} for person in people if not person.is_program}
    grants: dict[int, list[Held]] = {person.pk: [] for person in people}
    rows = _rows({person.pk for person in people}) if people else []
    for user_id, team_role, granted, team_id, installation_id, station_id, ends_at in rows:
        if granted:
            grants[user_id].append(Held(granted, installation_id, station_id, team_role or None, ends_at))
        elif user_id in roles:
            roles[user_id][team_id] = team_role
    for person in people:
        access = person.renew_access()
        access.grants_held = grants[person.pk]
        if not person.is_program:
            access.roles = roles[person.pk]


def _rows(keys: set[int]) -> Any:
    """Person, role in a team, granted role, team, installation, station, end. Grants to teams come first: their columns
    all have a type, which PostgreSQL then takes for the others."""
    counting = Grant.objects.active().order_by()
    place = ("installation_id", "station_id", "ends_at")
    to_members = counting.filter(to_team__memberships__user__in=keys).values_list(
        F("to_team__memberships__user"), F("to_team__memberships__role"), "role", "to_team_id", *place
    )
    to_applications = counting.filter(to_team__programs__user__in=keys).values_list(
        F("to_team__programs__user"), Value(Role.ADMIN, output_field=CharField()), "role", "to_team_id", *place
    )
    no_text = Value("", output_field=CharField())
    to_people = counting.filter(user__in=keys).values_list("user_id", no_text, "role", NO_NUMBER, *place)
    roles = Membership.objects.order_by().filter(user__in=keys)
    in_teams = roles.values_list("user_id", "role", no_text, "team_id", NO_NUMBER, NO_NUMBER, NO_TIME)
    return to_members.union(to_applications, to_people, in_teams, all=True)


logger = logging.getLogger(__name__)


MAX_PASSWORD_LENGTH = 1000  # hashing a longer one is work that a stranger could make us do


def find_person(email: str) -> User:
    """The person with this address, in any case.

    Raises:
        DomainError: there is none.
    """
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        refuse("email", _("There is no person with the address “%(email)s”.") % {"email": email})
    return user


@transaction.atomic
def add_user(
    *, email: str, password: str, team: Team | None, role: str = Role.VIEWER, is_staff: bool = False
) -> tuple[User, bool]:
    """The person with this address in this team, made when there is none; password and role are then the given ones.

    What support staff may do is only ever given here, not taken: a second call for another team leaves it.

    Returns:
        The person, and whether he or she is new.

    Raises:
        DomainError: the address or the role is none, or there is no password.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        refuse("email", _("This is no e-mail address."))
    if role not in Role.values:
        refuse("role", _("The role must be one of: %(roles)s.") % {"roles": ", ".join(Role.values)})
    if not 0 < len(password) <= MAX_PASSWORD_LENGTH:
        refuse("password", _("A password has 1 to %(most)d characters.") % {"most": MAX_PASSWORD_LENGTH})
    user = User.objects.select_for_update().filter(email__iexact=email).first()
    is_new = user is None
    if user is None:
        user = User.objects.create_user(email, password, is_staff=is_staff)
    else:
        if not user.check_password(password):  # setting the same again would log the person out everywhere
            user.set_password(password)
        user.is_staff = user.is_staff or is_staff
        user.save(update_fields=["password", "is_staff"])
    if team is not None:
        Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
    return user, is_new


logger = logging.getLogger(__name__)


@transaction.atomic
def enrol(user: User) -> list[Team]:
    """Add a user as a viewer to the teams that own the domain of their e-mail address.

    To be called when somebody logs in or is made whose address is verified: that is the caller's word. It happens once
    per person and team, so that who was taken out of a team stays out.

    Returns:
        The teams that the person joined now.
    """
    if not user.is_active:
        return []
    try:
        domain = check_domain(user.email.rpartition("@")[2])
    except DomainError:
        return []
    joined = []
    own = TeamDomain.objects.filter(purpose=TeamDomain.Purpose.ENROLMENT, domain=domain, proved_at__isnull=False)
    for row in own.select_related("team"):
        is_first = Enrolment.objects.get_or_create(team=row.team, user=user)[1]
        if is_first and Membership.objects.get_or_create(team=row.team, user=user, defaults={"role": Role.VIEWER})[1]:
            joined.append(row.team)
            logger.info("joined by domain", extra={"team": row.team.handle, "user": user.pk})
    user.renew_access()
    return joined
