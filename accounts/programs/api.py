from __future__ import annotations

import json
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.rights import ApiScope
from accounts.people.models import ApiToken, User
from accounts.programs.serializers import NewTokenSerializer, TokenRequestSerializer, TokenSerializer
from accounts.programs.services import oauth, tokens
from accounts.sign_in.services import factors, signing_in
from accounts.sign_in.services.attempts import TooManyAttempts
from accounts.sign_in.services.signing_in import start_attempt
from cpms.common.api.views import ApiView


class TokenScheme(OpenApiAuthenticationExtension):
    """Describe the token authentication in the API schema."""

    target_class = "accounts.programs.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key from POST /api/v1/token/."}


class TokenView(ApiView):
    """Exchange e-mail and password, and a code if two-factor authentication is set up, for an API token."""

    authentication_classes: list[Any] = []  # called without a token or a session
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="token_create",
        request=TokenRequestSerializer,
        responses={201: NewTokenSerializer},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        data = TokenRequestSerializer.read(request)
        user = signing_in.authenticate_person(
            email=data["email"],
            password=data["password"],
            address=str(request.META.get("REMOTE_ADDR", "")),
        )
        factors.check_token_request(user=user, code=data["code"])
        token, key = tokens.issue_api_token(
            user=user,
            name=data["name"],
            expires_at=data["expires_at"],
            scopes=data["scopes"],
        )
        document = {"key": key, "prefix": token.prefix, "name": token.name, "scopes": token.scopes}
        document["expires_at"] = token.expiry_date
        return Response(NewTokenSerializer(document).data, status=201, headers={"Cache-Control": "no-store"})


class TokenViewSet(ApiView, mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[ApiToken]):
    """Your own API tokens. Deleting one revokes it."""

    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    lookup_field = "prefix"
    lookup_value_regex = "[A-Za-z0-9]{8}"
    newest_by = ("-created", "prefix")

    def get_queryset(self) -> QuerySet[ApiToken]:
        """Return the user's own tokens, also for support staff. A token with scopes can see only itself."""
        user = cast(User, self.request.user)
        own = ApiToken.objects.filter(user=user)
        return own if user.access.scoped_rights is None else own.filter(pk=getattr(self.request.auth, "pk", None))

    def perform_destroy(self, instance: ApiToken) -> None:
        tokens.revoke_api_token(token=instance, actor=cast(User, self.request.user))


FORM = "application/x-www-form-urlencoded"
METHODS = ["client_secret_basic", "client_secret_post"]


class AccessTokenRequestSerializer(serializers.Serializer[Any]):
    grant_type = serializers.ChoiceField(choices=[oauth.GRANT])
    scope = serializers.CharField(
        required=False, help_text=_("Separated by spaces. Defaults to all scopes of the client.")
    )
    client_id = serializers.CharField(
        required=False, help_text=_("Not needed if sent in the Authorization header (Basic).")
    )
    client_secret = serializers.CharField(required=False)


class AccessTokenSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField(help_text=_("For the header “Authorization: Bearer …”."))
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text=_("Seconds."))
    scope = serializers.CharField()


class AccessTokenView(ApiView):
    """Exchange client id and secret for an access token (RFC 6749 section 4.4). Errors are in the format of OAuth 2."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    parser_classes = [FormParser]

    @extend_schema(
        operation_id="oauth_token",
        request={FORM: AccessTokenRequestSerializer},
        responses={200: AccessTokenSerializer},
        tags=["tokens"],
    )
    def post(self, request: Request) -> HttpResponse:
        http_request: HttpRequest = request._request
        if http_request.content_type != FORM:
            return _json_response({"error": "invalid_request", "error_description": f"The body must be {FORM}."}, 400)
        header = http_request.headers.get("Authorization", "")
        client_id, _secret = oauth.credentials_of(header, str(http_request.POST.get("client_id", "")), "")
        try:
            attempt = start_attempt(
                source=str(http_request.META.get("REMOTE_ADDR", "")), account=f"client {client_id}", what="oauth"
            )
        except TooManyAttempts as error:
            response = _json_response({"error": "temporarily_unavailable", "error_description": str(error)}, 429)
            response["Retry-After"] = str(error.retry_after_seconds)
            return response
        headers, body, status = oauth.server.create_token_response(
            http_request.get_full_path(), "POST", http_request.POST.urlencode(), _headers(http_request)
        )
        if status == 200:
            attempt.succeeded()
        return _json_response(json.loads(body), status, headers)


def _headers(request: HttpRequest) -> dict[str, str]:
    return {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}


def _json_response(document: Any, status: int, headers: Any = ()) -> HttpResponse:
    """Return a JSON response that neither proxies nor browsers cache (RFC 6749 section 5.1)."""
    response = JsonResponse(document, status=status)
    for name, value in dict(headers).items():
        response[name] = value
    response["Cache-Control"], response["Pragma"] = "no-store", "no-cache"
    if status == 401:
        response["WWW-Authenticate"] = 'Basic realm="api"'
    return response


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """Return the metadata of the authorization server (RFC 8414)."""
    return JsonResponse(
        {
            "issuer": settings.PUBLIC_URL,
            "token_endpoint": f"{settings.PUBLIC_URL}{reverse('api:oauth_token')}",
            "grant_types_supported": [oauth.GRANT],
            "response_types_supported": [],
            "scopes_supported": ApiScope.values,
            "token_endpoint_auth_methods_supported": METHODS,
            "service_documentation": f"{settings.PUBLIC_URL}{reverse('api:docs')}",
        }
    )
