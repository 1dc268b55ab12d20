"""Stations and connectors in the API."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.models import User
from chargers.stations.models import ChargingStation, Connector, Presence
from cpms.common.errors import DomainError

CONNECTOR_FIELDS = [
    "id",
    "number",
    "status",
    "error_code",
    "info",
    "vendor_error_code",
    "status_changed_at",
    "reported_at",
    "max_power_w",
    "as_reported",
]


MAX_IDENTITIES = 10_000


class IdentitiesField(serializers.ListField):
    """A list of stations, named by their identities."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.CharField(max_length=48), max_length=MAX_IDENTITIES, **kwargs)


def stations_by_identity(identities: list[str], user: User) -> list[ChargingStation]:
    """Return the stations with these identities that the user may see.

    Raises:
        DomainError: there is no such station for one of the identities.
    """
    rows = ChargingStation.objects.reachable_by(user).filter(identity__in=set(identities))
    found = list(rows.only("pk", "identity", "team"))
    if missing := set(identities) - {station.identity for station in found}:
        sentence = _("There is no station %(names)s.") % {"names": ", ".join(sorted(missing)[:10])}
        raise DomainError(sentence, fields={"stations": sentence})
    return found


class AsReportedField(serializers.DictField):
    """Values that the station sent and OCPP does not define, by field."""

    child = serializers.CharField()

    def __init__(self) -> None:
        super().__init__(
            read_only=True, help_text=gettext_lazy("Values sent by the station that OCPP does not define.")
        )


class StationConnectorSerializer(serializers.ModelSerializer[Connector]):
    as_reported = AsReportedField()

    class Meta:
        model = Connector
        fields = CONNECTOR_FIELDS
        read_only_fields = fields


class ConnectorSerializer(serializers.ModelSerializer[Connector]):
    station = serializers.CharField(source="station.identity", read_only=True)
    as_reported = AsReportedField()

    class Meta:
        model = Connector
        fields = ["id", "station", *CONNECTOR_FIELDS[1:]]
        read_only_fields = fields


class StationSerializer(serializers.ModelSerializer[ChargingStation]):
    """A station with its connectors, without its password."""

    team = serializers.CharField(source="team.handle", read_only=True, allow_null=True, default=None)
    presence = serializers.ChoiceField(choices=Presence.choices, read_only=True)
    connectors = StationConnectorSerializer(many=True, read_only=True)

    class Meta:
        model = ChargingStation
        fields = [
            "identity",
            "name",
            "team",
            "installation",
            "circuit",
            "protocol",
            "registration",
            "presence",
            "vendor",
            "model",
            "serial_number",
            "charge_box_serial_number",
            "firmware_version",
            "iccid",
            "imsi",
            "meter_type",
            "meter_serial_number",
            "booted_at",
            "boot_count",
            "connected_at",
            "disconnected_at",
            "last_heard_at",
            "clock_offset_ms",
            "clock_measured_at",
            "status",
            "error_code",
            "status_changed_at",
            "has_weak_password",
            "created_at",
            "deactivated_at",
            "handed_over_at",
            "connectors",
        ]
        read_only_fields = fields
