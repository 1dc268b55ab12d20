"""Bodies of the API's requests about stations, installations and circuits."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chargers.models.places import LEAST_FUSE_A, MOST_FUSE_A
from chargers.services.passwords import LONGEST_PASSWORD
from chargers.services.registration import LONGEST_IDENTITY
from chargers.services.statuses import MOST_CONNECTORS
from cpms.common.api.bodies import RequestSerializer

LARGEST_KEY = 2**63 - 1
SHORTEST_PASSWORD = 8
TEAM_HELP = _("Its handle, for who may do this in more than one.")


def key_field(help_text: object) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=LARGEST_KEY, required=False, allow_null=True, help_text=str(help_text)
    )


class StationChangeBody(RequestSerializer):
    name = serializers.CharField(max_length=120, allow_blank=True, required=False)
    installation = key_field(_("Id of the installation that it is in; null: none."))
    circuit = key_field(_("Id of the circuit that feeds it; null: not known."))
    is_active = serializers.BooleanField(
        required=False, help_text=_("False: out of use. Nobody can charge here, and lists leave it out.")
    )


class StationBody(RequestSerializer):
    identity = serializers.CharField(
        max_length=LONGEST_IDENTITY, help_text=_("Also called ChargeBox ID; the station is set to exactly the same.")
    )
    team = serializers.CharField(max_length=60, default="", allow_blank=True, help_text=TEAM_HELP)
    installation = key_field(_("Id of the installation that it is in."))
    name = serializers.CharField(max_length=120, allow_blank=True, default="")
    password = serializers.CharField(
        min_length=SHORTEST_PASSWORD,
        max_length=LONGEST_PASSWORD,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text=_("Without it, one is generated. The answer has it this once."),
    )
    connectors = serializers.IntegerField(min_value=1, max_value=MOST_CONNECTORS, default=2)


class StationPasswordBody(RequestSerializer):
    password = serializers.CharField(
        min_length=SHORTEST_PASSWORD,
        max_length=LONGEST_PASSWORD,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text=_("Without it, one is generated. The answer has it this once."),
    )


class CredentialsSerializer(serializers.Serializer[object]):
    """What is set at a station. The password is not told again."""

    identity = serializers.CharField()
    password = serializers.CharField()


class InstallationChangeBody(RequestSerializer):
    name = serializers.CharField(max_length=120, required=False)
    street = serializers.CharField(max_length=200, allow_blank=True, required=False)
    postal_code = serializers.CharField(max_length=20, allow_blank=True, required=False)
    city = serializers.CharField(max_length=120, allow_blank=True, required=False)
    country = serializers.CharField(
        max_length=2, allow_blank=True, required=False, help_text=_("Two letters (ISO 3166-1).")
    )
    contact_name = serializers.CharField(max_length=160, allow_blank=True, required=False)
    contact_phone = serializers.CharField(max_length=40, allow_blank=True, required=False)


class InstallationBody(InstallationChangeBody):
    name = serializers.CharField(max_length=120)
    team = serializers.CharField(max_length=60, default="", allow_blank=True, help_text=TEAM_HELP)


class CircuitChangeBody(RequestSerializer):
    name = serializers.CharField(max_length=120, required=False)
    max_current_a = serializers.DecimalField(
        max_digits=5,
        decimal_places=1,
        min_value=LEAST_FUSE_A,
        max_value=MOST_FUSE_A,
        required=False,
        help_text=_("Fuse in amperes per phase, from 1 to 6,000 A in steps of 0.1 A."),
    )
    phases = serializers.ChoiceField(choices=[(1, "1"), (3, "3")], required=False)
    parent = key_field(_("Id of the circuit that feeds it; null: the grid connection."))  # type: ignore[assignment]


class CircuitBody(CircuitChangeBody):
    name = serializers.CharField(max_length=120)
    max_current_a = serializers.DecimalField(
        max_digits=5, decimal_places=1, min_value=LEAST_FUSE_A, max_value=MOST_FUSE_A
    )
    phases = serializers.ChoiceField(choices=[(1, "1"), (3, "3")], default=3)
