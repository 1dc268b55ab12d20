from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.access.rights import ApiScope
from accounts.people.models import ApiToken
from accounts.people.services import MAX_PASSWORD_LENGTH
from accounts.programs.services.tokens import MAX_TOKEN_NAME_LENGTH
from cpms.common.api.bodies import RequestSerializer


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """An API token without its key, which is shown only once."""

    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry_date", read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ApiScope.choices), read_only=True)
    is_revoked = serializers.BooleanField(source="revoked", read_only=True)

    class Meta:
        model = ApiToken
        fields = ["prefix", "name", "scopes", "created_at", "expires_at", "last_used_at", "is_revoked"]
        read_only_fields = fields


class TokenRequestSerializer(RequestSerializer):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(
        max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, style={"input_type": "password"}
    )
    code = serializers.CharField(
        max_length=20,
        default="",
        allow_blank=True,
        help_text=_("Code of the authenticator app or a recovery code. Required with two-factor authentication."),
    )
    name = serializers.CharField(max_length=MAX_TOKEN_NAME_LENGTH, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(
        default=None,
        allow_null=True,
        help_text=_("When the token expires. Without it, the token works until it is revoked."),
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=ApiScope.choices),
        default=list,
        help_text=_("Scopes that limit the token. Without any, it has all of your permissions."),
    )


class NewTokenSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text=_("Shown only once."))
    prefix = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ApiScope.choices))
    expires_at = serializers.DateTimeField(allow_null=True)
