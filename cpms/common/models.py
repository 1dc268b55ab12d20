"""Bricks for models: a queryset that knows who may see it, and a field that is encrypted at rest."""

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
        """Rows to show this person in lists, figures and exports: of those he may see the ones of the group of stations
        he has chosen, where he has (W19)."""
        return self.reachable_by(user).in_group_of(user)

    def reachable_by(self, user: User | AnonymousUser) -> Self:
        """Rows this person may see: those of his teams and of what he was granted; support staff sees all; a stranger
        sees none. For pages about one row, which open by their address whatever group is chosen."""
        return self.allowed(user, self.right)

    def in_group_of(self, user: User | AnonymousUser) -> Self:
        """Rows of the group this person has chosen; those that belong to no station stay."""
        if self.station_path is None or getattr(user, "chosen_group", None) is None:
            return self
        return self.filter(user.in_group(self.station_path))  # type: ignore[union-attr]

    def allowed(self, user: User | AnonymousUser, right: str) -> Self:
        """Rows with which this person may do one thing, chosen or not; see the table in `accounts.rights`."""
        if not user.is_authenticated:
            return self.none()
        scope = user.scope(right)
        return self.all() if scope.is_everything else self.filter(scope.condition(self.team_path, self.station_path))


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedField(models.BinaryField):
    """Bytes that are encrypted at rest with STATION_SECRET_KEYS; the first key encrypts, all of them decrypt."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is not None:
            value = _fernet(tuple(settings.STATION_SECRET_KEYS)).encrypt(bytes(value))
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else decrypt(bytes(value))


def decrypt(stored: bytes) -> bytes:
    """The clear bytes of what an `EncryptedField` stored.

    Raises:
        ImproperlyConfigured: none of STATION_SECRET_KEYS fits.
    """
    try:
        return _fernet(tuple(settings.STATION_SECRET_KEYS)).decrypt(stored)
    except InvalidToken:
        raise ImproperlyConfigured("No key in STATION_SECRET_KEYS fits what the database holds.") from None
