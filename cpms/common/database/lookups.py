"""A lookup for long lists of keys."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Field
from django.db.models.fields.related import ForeignObject
from django.db.models.fields.related_lookups import RelatedLookupMixin
from django.db.models.lookups import In


@Field.register_lookup
class Among(In):
    """`__in` for integers: on PostgreSQL a single array parameter, however long the list is.

    With one parameter per value, building the SQL takes longer than the query, and 65,535 parameters are the limit.
    """

    lookup_name = "among"

    def get_prep_lookup(self) -> list[int]:
        return list(self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        if not self.rhs:
            raise EmptyResultSet
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*parameters, self.rhs]


@ForeignObject.register_lookup
class AmongRelated(RelatedLookupMixin, Among):
    """`__among` for a foreign key."""

    def get_prep_lookup(self) -> list[int]:
        return list(self.rhs)
