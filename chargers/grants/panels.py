"""The list of access for pages of several apps."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.models import Grant, User
from chargers.grants.services import driver_tags
from chargers.grants.services.grants import may_change, may_withdraw
from chargers.grants.tables import GRANT_CELLS, GrantFilterSet, GrantTable
from cpms.common.web.pages import ListPage


def grants_shown_to(user: User) -> QuerySet[Any]:
    """Return the access that the user granted, manages or received."""
    rows = Grant.objects.visible_to(user)
    rows = rows.select_related("installation", "station", "user", "to_team", "team", "created_by")
    return rows.defer("station__password", "station__next_password")


class GrantList(ListPage):
    """The access that a user may see, with what they may do with it; a page adds its template."""

    model = Grant
    table_class = GrantTable
    filterset_class = GrantFilterSet
    export_name = "access"
    export_cells = GRANT_CELLS

    def rows(self) -> QuerySet[Any]:
        return grants_shown_to(self.request.user)  # type: ignore[arg-type]

    def decorate(self, records: list[Any]) -> None:
        user: Any = self.request.user
        for grant in records:
            grant.may_change = grant.is_active and may_change(user, grant)
            grant.may_give_tags = driver_tags.may_give_tags(user, grant)
            grant.may_withdraw = grant.is_active and may_withdraw(user, grant)
