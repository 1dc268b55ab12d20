"""Create and find users, enrol them in teams, and load the access of several users with one query."""

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
from accounts.access.rights import ActiveGrant, Role
from accounts.people.models import Enrolment, Membership, User
from accounts.teams.models import Team, TeamDomain
from accounts.teams.services import check_domain
from cpms.common.errors import DomainError, refuse

logger = logging.getLogger(__name__)
MAX_PASSWORD_LENGTH = 1000  # hashing longer ones would let strangers cause expensive work
NULL_NUMBER: Any = Value(None, output_field=IntegerField())
NULL_TIME: Any = Value(None, output_field=DateTimeField())


def load_access(people: Collection[User]) -> None:
    """Set `roles` and `active_grants` of each user's access from the database, with one query.

    For background work that has no request with a user of its own. The `program` of an application, and its team, must
    have been loaded with the user.
    """
    roles: dict[int, dict[int, str]] = {person.pk: {} for person in people if not person.is_program}
    grants: dict[int, list[ActiveGrant]] = {person.pk: [] for person in people}
    rows = _rows({person.pk for person in people}) if people else []
    for user_id, team_role, granted, team_id, installation_id, station_id, ends_at in rows:
        if granted:
            grants[user_id].append(ActiveGrant(granted, installation_id, station_id, team_role or None, ends_at))
        elif user_id in roles:
            roles[user_id][team_id] = team_role
    for person in people:
        access = person.renew_access()
        access.active_grants = grants[person.pk]
        if not person.is_program:
            access.roles = roles[person.pk]


def _rows(keys: set[int]) -> Any:
    """Return rows of user, role in a team, granted role, team, installation, station and end.

    Grants to teams come first in the union, because all of their columns have a type, which PostgreSQL uses for the
    others.
    """
    active = Grant.objects.active().order_by()
    place = ("installation_id", "station_id", "ends_at")
    to_members = active.filter(to_team__memberships__user__in=keys).values_list(
        F("to_team__memberships__user"), F("to_team__memberships__role"), "role", "to_team_id", *place
    )
    to_applications = active.filter(to_team__programs__user__in=keys).values_list(
        F("to_team__programs__user"), Value(Role.ADMIN, output_field=CharField()), "role", "to_team_id", *place
    )
    no_text = Value("", output_field=CharField())
    to_people = active.filter(user__in=keys).values_list("user_id", no_text, "role", NULL_NUMBER, *place)
    roles = Membership.objects.order_by().filter(user__in=keys)
    in_teams = roles.values_list("user_id", "role", no_text, "team_id", NULL_NUMBER, NULL_NUMBER, NULL_TIME)
    return to_members.union(to_applications, to_people, in_teams, all=True)


def find_person(email: str) -> User:
    """Return the person with this e-mail address, which is not case-sensitive.

    Raises:
        DomainError: no such person exists.
    """
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        refuse("email", _("There is no person with the address “%(email)s”.") % {"email": email})
    return user


@transaction.atomic
def add_user(
    *, email: str, password: str, team: Team | None, role: str = Role.VIEWER, is_staff: bool = False
) -> tuple[User, bool]:
    """Create a user as a member of a team, or set password and role of the one who has this address.

    `is_staff` only adds the support staff status; it is never removed here.

    Returns:
        The user, and whether they were created.

    Raises:
        DomainError: the address, the role or the password is invalid.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        refuse("email", _("Enter a valid e-mail address."))
    if role not in Role.values:
        refuse("role", _("The role must be one of: %(roles)s.") % {"roles": ", ".join(Role.values)})
    if not 0 < len(password) <= MAX_PASSWORD_LENGTH:
        refuse("password", _("A password has 1 to %(most)d characters.") % {"most": MAX_PASSWORD_LENGTH})
    user = User.objects.select_for_update().filter(email__iexact=email).first()
    is_new = user is None
    if user is None:
        user = User.objects.create_user(email, password, is_staff=is_staff)
    else:
        if not user.check_password(password):  # setting the same password again would sign the person out everywhere
            user.set_password(password)
        user.is_staff = user.is_staff or is_staff
        user.save(update_fields=["password", "is_staff"])
    if team is not None:
        Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
    return user, is_new


@transaction.atomic
def enrol(user: User) -> list[Team]:
    """Add a user as a viewer to the teams that own the domain of their e-mail address.

    Call it when a user with a verified address signs in or is created; the caller must have checked that the address is
    verified. It happens once per user and team, so that removed members are not added again.

    Returns:
        The teams that the user joined now.
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
