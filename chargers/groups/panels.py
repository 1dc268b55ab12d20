"""What groups of stations add to pages of other subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from chargers.groups.forms import AddToGroupForm
from chargers.groups.services.groups import add_stations
from chargers.stations.models import ChargingStation
from cpms.common.outcomes import Outcome
from cpms.common.web.bulk import BulkAction


def _add(rows: Sequence[ChargingStation], user: User, data: Mapping[str, Any]) -> Outcome:
    return Outcome(done=add_stations(user=user, stations=rows, group=data["group"], new_name=data["name"]))


ADD_TO_GROUP = BulkAction(
    "group",
    gettext_lazy("Add to group…"),
    lambda n: ngettext("Add %(n)d station to a group?", "Add %(n)d stations to a group?", n) % {"n": n},
    gettext_lazy("Groups are your own. Choose one, or enter the name of a new one."),
    _add,
    lambda n: ngettext("%(n)d station added to the group.", "%(n)d stations added to the group.", n) % {"n": n},
    lambda user: not user.is_program,
    AddToGroupForm,
    gettext_lazy("Add stations"),
)
