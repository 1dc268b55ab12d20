"""Bricks for models: querysets that know who may see them, and a field that is encrypted at rest."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

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
        """Rows to show this user in lists, figures and exports: those they may see, limited to the provider and the
        group of stations they have selected."""
        return self.reachable_by(user).in_view_of(user)

    def reachable_by(self, user: User | AnonymousUser) -> Self:
        """Rows this person may see: those of his teams and of what he was granted; support staff sees all; a stranger
        sees none. For pages about one row, which open by their address whatever is chosen."""
        return self.allowed(user, self.right)

    def in_view_of(self, user: User | AnonymousUser) -> Self:
        """Rows of the provider and the group this person has chosen; those that belong to no station are in any."""
        if not user.is_authenticated:
            return self
        condition = user.access.in_view(self.team_path, self.station_path)
        return self.filter(condition) if condition else self

    def allowed(self, user: User | AnonymousUser, right: str) -> Self:
        """Rows with which this person may do one thing, chosen or not; see the table in `accounts.rights`."""
        if not user.is_authenticated:
            return self.none()
        scope = user.access.scope(right)
        return self.all() if scope.is_everything else self.filter(scope.condition(self.team_path, self.station_path))


class OfStationsQuerySet(ScopedQuerySet):
    """Rows of a big log: millions of them, each of a station, newer ones with higher keys. See `cpms.common.paging`."""

    team_path, station_path = "station__team", "station"

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Rows of the stations that this person is shown, asked for through the table of stations: so the database may
        take rows station by station as well as in their own order."""
        if not user.is_authenticated:
            return self.none()
        stations = self.stations_shown_to(user)
        return self.all() if stations is None else self.filter(station__in=stations)

    def stations_shown_to(self, user: User) -> models.QuerySet[Any] | None:
        """Return the stations whose rows `visible_to` shows, or None where these are all stations."""
        in_view = user.access.in_view("team", "")
        if user.access.scope(self.right).is_everything and not in_view:
            return None
        stations: Any = self.model._meta.get_field("station").related_model
        shown: models.QuerySet[Any] = stations._default_manager.allowed(user, self.right).filter(in_view)
        return shown.order_by()


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def empty_object() -> models.Value:
    """Return the database's default of a JSON column that was added later.

    While a new version is rolled out, the old one still inserts rows without it.
    """
    return models.Value({}, output_field=models.JSONField())


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
