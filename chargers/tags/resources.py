"""Import and export of tags in Django admin, by the rules of the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import ForeignKeyWidget, ManyToManyWidget

from accounts.models import Team
from chargers.groups.models import StationGroup
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from chargers.tags.models import Tag
from chargers.tags.services import adding, windows
from chargers.tags.services.scope import SELECTABLE, TagScope, selectable_groups
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

    `stations` lists identities, `installations` names, and `groups` entries such as `anna@example.com: Car park`, all
    separated by a bar. If one of them lists something, `scope` may be empty; if all four are empty, an existing tag
    keeps its scope. An existing tag also keeps its kind and `valid_from` where the cell is empty, and its
    `time_windows` where the file has no such column. `time_zone` applies to times without offset.
    """

    team = Field(attribute="team", column_name="team", widget=TeamWidget())
    stations = Field(
        attribute="stations",
        column_name="stations",
        widget=ManyToManyWidget(ChargingStation, separator=SEPARATOR, field="identity"),
        readonly=True,
    )
    installations = Field(
        attribute="installations",
        column_name="installations",
        widget=ManyToManyWidget(Installation, separator=SEPARATOR, field="name"),
        readonly=True,
    )
    groups = Field(column_name="groups", readonly=True)
    time_windows = Field(column_name="time_windows", readonly=True)
    scope = Field(attribute="scope", column_name="scope", readonly=True)
    valid_from = Field(attribute="valid_from", column_name="valid_from", widget=ZonedTimeWidget())
    expires_at = Field(attribute="expires_at", column_name="expires_at", widget=ZonedTimeWidget())
    time_zone = Field(column_name=ZONE_COLUMN, readonly=True)

    class Meta:
        model = Tag
        import_id_fields = ["team", "value"]
        fields = (
            "team",
            "value",
            "label",
            "status",
            "kind",
            "valid_from",
            "expires_at",
            "time_zone",
            "time_windows",
            "scope",
            *SELECTABLE,
        )
        export_order = fields
        use_transactions = True

    def dehydrate_time_zone(self, tag: Tag) -> str:
        return str(timezone.get_current_timezone()) if tag.expires_at or tag.valid_from else ""

    def dehydrate_time_windows(self, tag: Tag) -> str:
        return windows.windows_as_text(tag.time_windows)

    def dehydrate_groups(self, tag: Tag) -> str:
        return SEPARATOR.join(_group_name(group) for group in tag.groups.all())

    def get_queryset(self) -> QuerySet[Tag]:
        rows: QuerySet[Tag] = super().get_queryset()
        return rows.prefetch_related("groups__user", "stations", "installations")

    def save_instance(self, instance: Any, is_create: bool, row: Mapping[str, Any], **kwargs: Any) -> None:
        team = team_of(instance)
        saved = call_service(
            adding.add_tag,
            team=team,
            value=instance.value,
            label=instance.label,
            status=instance.status,
            valid_from=instance.valid_from,
            expires_at=instance.expires_at,
            time_windows=_windows(row),
            kind=cell_text(row, "kind").strip().lower(),
            scope=_scope(team, row),
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


def _windows(row: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    if "time_windows" not in row:
        return None
    found: list[dict[str, Any]] = call_service(windows.windows_from_text, text=cell_text(row, "time_windows"))
    return found


def _scope(team: Team, row: Mapping[str, Any]) -> TagScope | None:
    """Return the scope that a row gives; None if it gives none."""
    stations = ChargingStation.objects.filter(team=team).defer("password")
    selected = {
        "stations": _named(row, "stations", stations, "identity"),
        "installations": _named(row, "installations", Installation.objects.filter(team=team), "name"),
        "groups": _groups(team, row),
    }
    kind = cell_text(row, "scope").strip().lower()
    if not kind and not any(selected.values()):
        return None
    return TagScope(kind or Tag.Scope.SELECTED, **selected)


def _names(row: Mapping[str, Any], column: str) -> set[str]:
    return {name.strip() for name in cell_text(row, column).split(SEPARATOR) if name.strip()}


def _named(row: Mapping[str, Any], column: str, rows: QuerySet[Any], field: str) -> list[Any]:
    names = _names(row, column)
    found = list(rows.filter(**{f"{field}__in": names}))
    _require_all(column, names, {getattr(one, field) for one in found})
    return found


def _groups(team: Team, row: Mapping[str, Any]) -> list[StationGroup]:
    wanted = _names(row, "groups")
    if not wanted:
        return []
    rows = selectable_groups(team).select_related("user")
    groups = {_group_name(group): group for group in rows}
    _require_all("groups", wanted, set(groups))
    return [groups[name] for name in wanted]


def _group_name(group: StationGroup) -> str:
    return f"{group.user.email}: {group.name}"


def _require_all(column: str, wanted: set[str], found: set[str]) -> None:
    if missing := wanted - found:
        sentences = {
            "stations": _("The team has no station %(names)s."),
            "installations": _("The team has no installation %(names)s."),
            "groups": _("No member who may edit tags has the group %(names)s."),
        }
        raise ValidationError({column: sentences[column] % {"names": ", ".join(sorted(missing))}})


def cell_text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value)
