"""The OAuth 2 token endpoint (RFC 6749): client credentials and nothing else.

oauthlib implements the protocol; the validator below answers its questions about clients and tokens. The provider of
allauth is not used: its clients have only one secret without expiry, while rotation with an overlap needs two, and it
adds pages, keys and tables for third-party sign-in, which this project does not offer.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import Any

from django.conf import settings
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator

from accounts.programs.models import Program
from accounts.programs.services.programs import ACCESS_TOKEN_PREFIX, issue_access_token, program_with_key

CLIENT_ID = re.compile(r"[0-9a-f]{32}")
GRANT = "client_credentials"


class Validator(RequestValidator):
    """Answer oauthlib's questions. A client is an application that authenticates with OAuth 2."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        in_body = (str(request.client_id or ""), str(request.client_secret or ""))
        client_id, secret = credentials_of(str(request.headers.get("Authorization", "")), *in_body)
        found = program_with_key(secret, Program.Way.OAUTH) if CLIENT_ID.fullmatch(client_id) else None
        if found is None or not secrets.compare_digest(found[1].program.client_id, client_id):
            return False
        if not found[0].is_active:
            return False
        request.client, request.client_id = found[1].program, client_id
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Program, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return grant_type == GRANT

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return list(request.client.scopes)

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Program, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return set(scopes) <= set(client.scopes)

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        issue_access_token(
            program=request.client, secret=token["access_token"], scopes=request.scopes, seconds=token["expires_in"]
        )


def new_token(request: Any) -> str:
    return f"{ACCESS_TOKEN_PREFIX}{secrets.token_urlsafe(32)}"


def credentials_of(authorization: str, client_id: str, secret: str) -> tuple[str, str]:
    """Return client id and secret from the Authorization header, or else the body (RFC 6749 section 2.3.1)."""
    scheme, _space, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return client_id, secret
    try:
        client_id, _colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return client_id, secret


server = BackendApplicationServer(Validator(), token_generator=new_token, token_expires_in=settings.API_TOKEN_SECONDS)
