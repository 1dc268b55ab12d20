"""What several people hold now, read with one query: for work in which no request brings its own person."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import CharField, DateTimeField, F, IntegerField, Value

from accounts.models import Grant, Membership, User
from accounts.rights import Held, Role

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
        person.grants_held = grants[person.pk]
        if not person.is_program:
            person.roles = roles[person.pk]


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
