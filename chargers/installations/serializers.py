"""Installations and circuits in the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chargers.installations.models import (
    MAX_FUSE_A,
    MAX_VOLTAGE_V,
    MIN_FUSE_A,
    MIN_VOLTAGE_V,
    Circuit,
    Installation,
)
from chargers.installations.services.installations import INSTALLATION_FIELDS
from cpms.common.api.bodies import RequestSerializer

MAX_KEY = 2**63 - 1
TEAM_HELP = _("Handle of the team. Required if you can do this in more than one team.")


class CircuitSerializer(serializers.ModelSerializer[Circuit]):
    max_current_a = serializers.DecimalField(
        max_digits=5,
        decimal_places=1,
        coerce_to_string=False,
        read_only=True,
        help_text=_("Fuse in amperes per phase, in steps of 0.1 A."),
    )

    class Meta:
        model = Circuit
        fields = ["id", "name", "parent", "max_current_a", "phases", "deactivated_at"]
        read_only_fields = fields


class InstallationSerializer(serializers.ModelSerializer[Installation]):
    team = serializers.CharField(source="team.handle", read_only=True)
    latitude = serializers.FloatField(read_only=True, allow_null=True)
    longitude = serializers.FloatField(read_only=True, allow_null=True)
    main_breaker_a = serializers.FloatField(
        read_only=True, allow_null=True, help_text=_("Main breaker in amperes per phase.")
    )
    circuits = CircuitSerializer(many=True, read_only=True)

    class Meta:
        model = Installation
        fields = [
            "id",
            "team",
            *INSTALLATION_FIELDS,
            "created_at",
            "circuits",
        ]
        read_only_fields = fields


def key_field(help_text: object) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=MAX_KEY, required=False, allow_null=True, help_text=str(help_text)
    )


class InstallationChangeBody(RequestSerializer):
    name = serializers.CharField(max_length=120, required=False)
    street = serializers.CharField(max_length=200, allow_blank=True, required=False)
    postal_code = serializers.CharField(max_length=20, allow_blank=True, required=False)
    city = serializers.CharField(max_length=120, allow_blank=True, required=False)
    country = serializers.CharField(
        max_length=2, allow_blank=True, required=False, help_text=_("Two letters (ISO 3166-1).")
    )
    category = serializers.ChoiceField(Installation.Category.choices, allow_blank=True, required=False)
    parking = serializers.ChoiceField(Installation.Parking.choices, allow_blank=True, required=False)
    latitude = serializers.FloatField(min_value=-90, max_value=90, allow_null=True, required=False)
    longitude = serializers.FloatField(min_value=-180, max_value=180, allow_null=True, required=False)
    time_zone = serializers.CharField(
        max_length=60, allow_blank=True, required=False, help_text=_("For example Europe/Berlin.")
    )
    contact_name = serializers.CharField(max_length=160, allow_blank=True, required=False)
    contact_phone = serializers.CharField(max_length=40, allow_blank=True, required=False)
    hotline = serializers.CharField(max_length=40, allow_blank=True, required=False)
    emergency_contact = serializers.CharField(max_length=160, allow_blank=True, required=False)
    opening_hours = serializers.CharField(max_length=200, allow_blank=True, required=False)
    access_notes = serializers.CharField(max_length=1000, allow_blank=True, required=False)
    grid_type = serializers.ChoiceField(Installation.GridType.choices, required=False)
    phases = serializers.ChoiceField(choices=[(1, "1"), (3, "3")], required=False)
    voltage_v = serializers.IntegerField(
        min_value=MIN_VOLTAGE_V,
        max_value=MAX_VOLTAGE_V,
        required=False,
        help_text=_("Between line and neutral (TN and TT) or between two lines (IT)."),
    )
    main_breaker_a = serializers.DecimalField(
        max_digits=5,
        decimal_places=1,
        min_value=MIN_FUSE_A,
        max_value=MAX_FUSE_A,
        allow_null=True,
        required=False,
        help_text=_("Main breaker in amperes per phase, from 1 to 6,000 A in steps of 0.1 A."),
    )


class InstallationBody(InstallationChangeBody):
    name = serializers.CharField(max_length=120)
    team = serializers.CharField(max_length=60, default="", allow_blank=True, help_text=TEAM_HELP)


class CircuitChangeBody(RequestSerializer):
    name = serializers.CharField(max_length=120, required=False)
    max_current_a = serializers.DecimalField(
        max_digits=5,
        decimal_places=1,
        min_value=MIN_FUSE_A,
        max_value=MAX_FUSE_A,
        required=False,
        help_text=_("Fuse in amperes per phase, from 1 to 6,000 A in steps of 0.1 A."),
    )
    phases = serializers.ChoiceField(choices=[(1, "1"), (3, "3")], required=False)
    parent = key_field(_("ID of the circuit that feeds this one; null: the main breaker."))  # type: ignore[assignment]


class CircuitBody(CircuitChangeBody):
    name = serializers.CharField(max_length=120)
    max_current_a = serializers.DecimalField(max_digits=5, decimal_places=1, min_value=MIN_FUSE_A, max_value=MAX_FUSE_A)
    phases = serializers.ChoiceField(choices=[(1, "1"), (3, "3")], default=3)


class CircuitDeactivateBody(RequestSerializer):
    move_to = key_field(_("ID of the circuit that takes what the deactivated circuit feeds."))
