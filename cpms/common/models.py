"""Bricks for models: querysets that know who may see them, and a field that is encrypted at rest."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.db.models.fields.related_lookups import RelatedIn

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows that belong to a team, and most of them to one of its stations.

    Attributes:
        team_path: the look-up from a row to its team.
        station_path: that to its station ("" where it is one); None where it has none.
        right: what one must be allowed to do with the station to see the row.
    """

    team_path: ClassVar[str] = "team"
    station_path: ClassVar[str | None] = None
    right: ClassVar[str] = "see_stations"

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Rows to show this person in lists, figures and exports: of those he may see the ones of the provider (V11)
        and of the group of stations (W19) he has chosen, where he has."""
        return self.reachable_by(user).in_view_of(user)

    def reachable_by(self, user: User | AnonymousUser) -> Self:
        """Rows this person may see: those of his teams and of what he was granted; support staff sees all; a stranger
        sees none. For pages about one row, which open by their address whatever is chosen."""
        return self.allowed(user, self.right)

    def in_view_of(self, user: User | AnonymousUser) -> Self:
        """Rows of the provider and the group this person has chosen; those that belong to no station are in any."""
        if not user.is_authenticated:
            return self
        condition = user.in_view(self.team_path, self.station_path)
        return self.filter(condition) if condition else self

    def allowed(self, user: User | AnonymousUser, right: str) -> Self:
        """Rows with which this person may do one thing, chosen or not; see the table in `accounts.rights`."""
        if not user.is_authenticated:
            return self.none()
        scope = user.scope(right)
        return self.all() if scope.is_everything else self.filter(scope.condition(self.team_path, self.station_path))


FEW_STATIONS = 50


class OfStationsQuerySet(ScopedQuerySet):
    """Rows of a big log: millions of them, each of a station, newer ones with higher keys.

    For somebody with few stations in a big park, PostgreSQL would look for his newest rows among those of all: without
    end where his have been silent. So the newest of each of his stations are taken, which an index on station and key
    gives, and of these the newest.
    """

    team_path, station_path = "station__team", "station"
    _stations: list[int] | None = None  # that rows are of, where they were counted up
    _is_rare = False

    def visible_to(self, user: User | AnonymousUser) -> Self:
        if not user.is_authenticated or (user.is_staff and user.chosen_provider is None):
            return super().visible_to(user)
        stations: Any = self.model._meta.get_field("station").related_model
        own = stations._default_manager.allowed(user, self.right).filter(user.in_view("team", "")).order_by()
        few = list(own.values_list("pk", flat=True)[: FEW_STATIONS + 1])
        return self.of_stations(few) if len(few) <= FEW_STATIONS else super().visible_to(user)

    def of_stations(self, keys: list[int]) -> Self:
        found = self.all()
        if self._stations is not None:  # said twice, PostgreSQL would expect much fewer rows
            keys = [key for key in keys if key in set(self._stations)]
            found._forget_stations()
        found = found.filter(station__in=keys)
        found._stations = keys
        return found

    def as_rare(self) -> Self:
        """Of what is asked for there are so few that an index of its own finds it."""
        found = self.all()
        found._is_rare = True
        return found

    def _forget_stations(self) -> None:
        station = self.model._meta.get_field("station")
        self.query.where.children = [
            each
            for each in self.query.where.children
            if not (isinstance(each, RelatedIn) and getattr(each.lhs, "target", None) is station)
        ]
        self._stations = None

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._stations, clone._is_rare = self._stations, self._is_rare
        return clone

    def __getitem__(self, key: Any) -> Any:
        """Slices: keys are found first, mostly in an index alone, and what is joined is joined to these rows only."""
        is_first_ones = isinstance(key, slice) and key.stop is not None and not self.query.is_sliced
        usual = self.model._meta.ordering if self.query.default_ordering else ()
        order = set(self.query.order_by or usual)
        is_plain = not (self.query.values_select or self.query.group_by or self._result_cache is not None)
        if not (is_first_ones and order and is_plain) or connection.vendor != "postgresql":
            return super().__getitem__(key)
        is_of_few = self._stations is not None and len(self._stations) <= FEW_STATIONS and not self._is_rare
        if is_of_few and (order <= {"-pk", "-id"} or order <= {"pk", "id"}):
            return with_keys(self, self._newest_of_each(key, "-" if order <= {"-pk", "-id"} else ""))
        return with_keys(self, self.values("pk")[key])

    def _newest_of_each(self, key: slice, sign: str) -> Any:
        of_each: Any = self.filter(station=models.OuterRef("pk")).order_by(f"{sign}pk")
        of_each._forget_stations()
        newest = ArraySubquery(of_each.values("pk")[: key.stop])
        stations: Any = self.model._meta.get_field("station").related_model
        own = stations._base_manager.filter(pk__in=self._stations).order_by()
        keys = own.annotate(key=models.Func(newest, function="unnest", output_field=models.BigIntegerField()))
        return keys.order_by(f"{sign}key").values("key")[key]


def part_of(rows: models.QuerySet[Any], start: int, stop: int) -> models.QuerySet[Any]:
    """Some rows in the middle: their keys are found first, so that what is joined is joined to them only."""
    made_of_several = any(what.contains_over_clause for what in rows.query.annotations.values())
    if not start or made_of_several or rows.query.group_by or rows.query.values_select or rows.query.is_sliced:
        return rows[start:stop]
    if isinstance(rows, OfStationsQuerySet):
        return rows[start:stop]
    return with_keys(rows, rows.values("pk")[start:stop])


def with_keys(rows: Any, keys: Any) -> Any:
    """Rows with these keys, which were found by the conditions of `rows`: asked for both, PostgreSQL, which takes
    conditions for independent of each other, may well begin with the worse one."""
    found = rows.all()
    if isinstance(found, OfStationsQuerySet):
        found._stations = None
    joins = (getattr(join, "join_field", None) for join in rows.query.alias_map.values())
    if all(field is None or field.many_to_one or field.one_to_one for field in joins):  # none of them adds rows
        found.query.where = type(found.query.where)()
    return found.filter(pk__in=keys)


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedField(models.BinaryField):
    """Bytes that are encrypted at rest with STATION_SECRET_KEYS; the first key encrypts, all of them decrypt."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is not None:
            value = encrypt(bytes(value))
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else decrypt(bytes(value))


def encrypt(clear: bytes) -> bytes:
    """What `decrypt` makes clear again, for secrets that have no field of their own."""
    return _fernet(tuple(settings.STATION_SECRET_KEYS)).encrypt(clear)


def decrypt(stored: bytes) -> bytes:
    """The clear bytes of what an `EncryptedField` stored.

    Raises:
        ImproperlyConfigured: none of STATION_SECRET_KEYS fits.
    """
    try:
        return _fernet(tuple(settings.STATION_SECRET_KEYS)).decrypt(stored)
    except InvalidToken:
        raise ImproperlyConfigured("No key in STATION_SECRET_KEYS fits what the database holds.") from None
