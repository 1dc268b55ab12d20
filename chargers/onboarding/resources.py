"""Import and export of stations in Django admin, by the rules of the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.resources import ModelResource

from chargers.onboarding.services import registration
from chargers.stations.models import ChargingStation
from chargers.tags.resources import TeamWidget, call_service, cell_text, team_of


class StationResource(ModelResource):
    """Import and export of stations. `password` and `connectors` are imported but never exported."""

    team = Field(attribute="team", column_name="team", widget=TeamWidget())

    class Meta:
        model = ChargingStation
        import_id_fields = ["identity"]
        fields = ("identity", "name", "team", "protocol")
        export_order = fields
        use_transactions = True

    def save_instance(self, instance: Any, is_create: bool, row: Mapping[str, Any], **kwargs: Any) -> None:
        saved = call_service(
            registration.add_station,
            team=team_of(instance),
            identity=instance.identity,
            password=cell_text(row, "password") or None,
            name=instance.name,
            protocol=instance.protocol,
            connectors=_number(row, "connectors", 2),
        )
        instance.pk = saved.pk


def _number(row: Mapping[str, Any], column: str, default: int) -> int:
    text = cell_text(row, column)
    try:
        return int(float(text)) if text else default
    except (ValueError, OverflowError):
        raise ValidationError({column: _("Enter a valid number.")}) from None
