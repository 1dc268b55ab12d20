from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import factors, services, sign_in
from accounts.models import ApiToken, User
from accounts.serializers import NewTokenSerializer, TokenRequestSerializer, TokenSerializer
from cpms.common.api.views import ApiView


class TokenScheme(OpenApiAuthenticationExtension):
    """Tells the API's description how to log in."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key from POST /api/v1/token/."}


class TokenView(ApiView):
    """Trade e-mail address and password, and the code of a second factor where there is one, for a key."""

    authentication_classes: list[Any] = []  # who has a key or a session does not need this
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="token_create",
        request=TokenRequestSerializer,
        responses={201: NewTokenSerializer},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        wanted = TokenRequestSerializer.read(request)
        user = sign_in.authenticate_person(
            email=wanted["email"],
            password=wanted["password"],
            address=str(request.META.get("REMOTE_ADDR", "")),
        )
        factors.check_token_request(user=user, code=wanted["code"])
        token, key = services.issue_api_token(
            user=user,
            name=wanted["name"],
            expires_at=wanted["expires_at"],
            scopes=wanted["scopes"],
        )
        document = {"key": key, "prefix": token.prefix, "name": token.name, "scopes": token.scopes}
        document["expires_at"] = token.expiry_date
        return Response(NewTokenSerializer(document).data, status=201, headers={"Cache-Control": "no-store"})


class TokenViewSet(ApiView, mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[ApiToken]):
    """One's own keys; deleting one revokes it."""

    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    lookup_field = "prefix"
    lookup_value_regex = "[A-Za-z0-9]{8}"
    newest_by = ("-created", "prefix")

    def get_queryset(self) -> QuerySet[ApiToken]:
        """A person's own; nobody else's, not even for support. One that is limited to scopes knows itself alone."""
        user = cast(User, self.request.user)
        own = ApiToken.objects.filter(user=user)
        return own if user.scoped_rights is None else own.filter(pk=getattr(self.request.auth, "pk", None))

    def perform_destroy(self, instance: ApiToken) -> None:
        services.revoke_api_token(token=instance, actor=cast(User, self.request.user))
