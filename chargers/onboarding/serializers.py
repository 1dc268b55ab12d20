"""Bodies of API requests that add and change stations."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chargers.credentials.services import MAX_PASSWORD_LENGTH
from chargers.installations.serializers import TEAM_HELP, key_field
from chargers.stations.services.identities import MAX_IDENTITY_LENGTH
from chargers.stations.services.statuses import MAX_CONNECTORS
from cpms.common.api.bodies import RequestSerializer

MIN_PASSWORD_LENGTH = 8


class HandOverSerializer(RequestSerializer):
    team = serializers.CharField(max_length=60, help_text=_("Handle of the team that receives the station."))


class IdentitySerializer(RequestSerializer):
    identity = serializers.CharField(
        max_length=48,
        trim_whitespace=False,
        help_text=_("Letters a to z, digits and * - _ = : + | @ . are allowed."),
    )


class StationChangeBody(RequestSerializer):
    name = serializers.CharField(max_length=120, allow_blank=True, required=False)
    installation = key_field(_("ID of the station's installation; null for none."))
    circuit = key_field(_("ID of the circuit that feeds the station; null if it is not known."))
    is_active = serializers.BooleanField(
        required=False,
        help_text=_("False deactivates the station: it cannot be used and is excluded from lists and totals."),
    )


class StationBody(RequestSerializer):
    identity = serializers.CharField(
        max_length=MAX_IDENTITY_LENGTH,
        help_text=_("Also called ChargeBox ID. Enter exactly the same ID on the station."),
    )
    team = serializers.CharField(max_length=60, default="", allow_blank=True, help_text=TEAM_HELP)
    installation = key_field(_("ID of the station's installation."))
    name = serializers.CharField(max_length=120, allow_blank=True, default="")
    password = serializers.CharField(
        min_length=MIN_PASSWORD_LENGTH,
        max_length=MAX_PASSWORD_LENGTH,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text=_("If it is empty, a password is generated. Only this response contains it."),
    )
    connectors = serializers.IntegerField(min_value=1, max_value=MAX_CONNECTORS, default=2)


class StationPasswordBody(RequestSerializer):
    password = serializers.CharField(
        min_length=MIN_PASSWORD_LENGTH,
        max_length=MAX_PASSWORD_LENGTH,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text=_("If it is empty, a password is generated. Only this response contains it."),
    )


class CredentialsSerializer(serializers.Serializer[object]):
    """The values that must be entered at the station. The password is not shown again."""

    identity = serializers.CharField()
    password = serializers.CharField()
