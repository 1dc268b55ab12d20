"""Import and export of tags in Django admin, by the rules of the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import ForeignKeyWidget, ManyToManyWidget

from accounts.models import Team
from chargers.stations.models import ChargingStation
from chargers.tags.models import Tag
from chargers.tags.services import adding
from cpms.common.errors import DomainError
from cpms.common.web.file_formats import ZONE_COLUMN, ZonedTimeWidget

SEPARATOR = "|"


class TeamWidget(ForeignKeyWidget):
    def __init__(self) -> None:
        super().__init__(Team, "handle")

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        try:
            return super().clean(value, row, **kwargs)
        except Team.DoesNotExist:
            raise ValueError(_("There is no team “%(handle)s”.") % {"handle": value}) from None


class TagResource(ModelResource):
    """Import and export of tags.

    `stations` lists identities, separated by a bar; empty: valid everywhere. If `kind` is empty or the file has no such
    column, an existing tag keeps its kind. `time_zone` applies to an `expires_at` without offset.
    """

    team = Field(attribute="team", column_name="team", widget=TeamWidget())
    stations = Field(
        attribute="stations",
        column_name="stations",
        widget=ManyToManyWidget(ChargingStation, separator=SEPARATOR, field="identity"),
        readonly=True,
    )
    expires_at = Field(attribute="expires_at", column_name="expires_at", widget=ZonedTimeWidget())
    time_zone = Field(column_name=ZONE_COLUMN, readonly=True)

    class Meta:
        model = Tag
        import_id_fields = ["team", "value"]
        fields = ("team", "value", "label", "status", "kind", "expires_at", "time_zone", "stations")
        export_order = fields
        use_transactions = True

    def dehydrate_time_zone(self, tag: Tag) -> str:
        return str(timezone.get_current_timezone()) if tag.expires_at else ""

    def save_instance(self, instance: Any, is_create: bool, row: Mapping[str, Any], **kwargs: Any) -> None:
        team = team_of(instance)
        saved = call_service(
            adding.add_tag,
            team=team,
            value=instance.value,
            label=instance.label,
            status=instance.status,
            expires_at=instance.expires_at,
            kind=cell_text(row, "kind").strip().lower(),
            stations=_stations(team, cell_text(row, "stations")),
        )
        instance.pk = saved.pk


def call_service(service: Any, **arguments: Any) -> Any:
    """Call a service, and turn its refusal into the validation error that the import shows."""
    try:
        return service(**arguments)
    except DomainError as error:
        raise ValidationError(error.fields or str(error)) from None


def team_of(instance: Any) -> Team:
    if instance.team is None:
        raise ValidationError({"team": _("The team is missing.")})
    team: Team = instance.team
    return team


def _stations(team: Team, text: str) -> list[ChargingStation]:
    identities = {identity.strip() for identity in text.split(SEPARATOR) if identity.strip()}
    stations = list(ChargingStation.objects.filter(team=team, identity__in=identities).defer("password"))
    if missing := identities - {station.identity for station in stations}:
        names = ", ".join(sorted(missing))
        raise ValidationError({"stations": _("The team has no station %(names)s.") % {"names": names}})
    return stations


def cell_text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value)
