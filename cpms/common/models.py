"""Building blocks for models: querysets limited by permission, and a field that is encrypted at rest."""

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
        team_path: the lookup from a row to its team.
        station_path: the lookup to its station ("" if the row is a station, None if it has no station).
        right: the right at the station that is needed to see the row.
    """

    team_path: ClassVar[str] = "team"
    station_path: ClassVar[str | None] = None
    right: ClassVar[str] = "see_stations"

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Rows to show this user in lists, figures and exports: those they may see, limited to the provider and the
        group of stations they have selected."""
        return self.reachable_by(user).in_view_of(user)

    def reachable_by(self, user: User | AnonymousUser) -> Self:
        """Return the rows that the user may see: of their teams and through granted access. Support staff see all.

        Use it for pages about one row, which open by URL whatever provider or group is selected.
        """
        return self.allowed(user, self.right)

    def in_view_of(self, user: User | AnonymousUser) -> Self:
        """Return the rows of the provider and the group that the user selected. Rows without a station are included."""
        if not user.is_authenticated:
            return self
        condition = user.access.in_view(self.team_path, self.station_path)
        return self.filter(condition) if condition else self

    def allowed(self, user: User | AnonymousUser, right: str) -> Self:
        """Return the rows for which the user has a right, selected or not; see `accounts.access.rights`."""
        if not user.is_authenticated:
            return self.none()
        scope = user.access.scope(right)
        return self.all() if scope.is_everything else self.filter(scope.condition(self.team_path, self.station_path))


class OfStationsQuerySet(ScopedQuerySet):
    """Rows of a big log: millions, each of a station, with ascending keys. See `cpms.common.database.paging`."""

    team_path, station_path = "station__team", "station"

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Return the rows of the visible stations. The subquery on the station table lets the database read rows
        station by station or in their own order."""
        if not user.is_authenticated:
            return self.none()
        stations = self.stations_shown_to(user)
        return self.all() if stations is None else self.filter(station__in=stations)

    def stations_shown_to(self, user: User) -> models.QuerySet[Any] | None:
        """Return the stations whose rows `visible_to` shows, or None if these are all stations."""
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
    """Return the database default of a JSON column that was added later.

    During a rollout, the old version still inserts rows without that column.
    """
    return models.Value({}, output_field=models.JSONField())


class EncryptedField(models.BinaryField):
    """Bytes that are encrypted at rest with STATION_SECRET_KEYS: the first key encrypts, all keys decrypt."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is not None:
            value = encrypt(bytes(value))
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else decrypt(bytes(value))


def encrypt(clear: bytes) -> bytes:
    """Encrypt a secret that is not stored in an `EncryptedField`."""
    return _fernet(tuple(settings.STATION_SECRET_KEYS)).encrypt(clear)


def decrypt(stored: bytes) -> bytes:
    """Decrypt what `encrypt` or an `EncryptedField` encrypted.

    Raises:
        ImproperlyConfigured: none of STATION_SECRET_KEYS can decrypt it.
    """
    try:
        return _fernet(tuple(settings.STATION_SECRET_KEYS)).decrypt(stored)
    except InvalidToken:
        raise ImproperlyConfigured("No key in STATION_SECRET_KEYS can decrypt the data in the database.") from None
