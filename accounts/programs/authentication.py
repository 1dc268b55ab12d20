"""API authentication with tokens of people, and with keys and access tokens of applications."""

from __future__ import annotations

import re
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from accounts.access.rights import KeyKind
from accounts.people.models import ApiToken, User
from accounts.programs.models import AccessToken, ProgramKey
from accounts.programs.services import programs
from accounts.sign_in.services import factors, signing_in
from accounts.sign_in.services.attempts import TooManyAttempts

KEY = re.compile(r"[A-Za-z0-9]{8}\.[A-Za-z0-9]{32}")
SCHEMES = {"bearer", "token"}
USE_RECORD_INTERVAL = timedelta(minutes=1)  # a busy application must not cause a write with every request
Secret = ApiToken | ProgramKey | AccessToken


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` or `Token <key>`: a person's token, a team's key, or an OAuth 2 access token."""

    def authenticate(self, request: Request) -> tuple[User, Secret] | None:
        header = request.headers.get("Authorization", "")
        scheme, _space, key = header.partition(" ")
        if scheme.lower() not in SCHEMES:
            return None
        found = _authenticate_key(key.strip())
        if found is None or not found[0].is_active:
            _count_wrong_key(request, key)
            raise AuthenticationFailed(_("The token is not valid, has expired or was revoked."))
        user = found[0]
        if user.access.must_have_second_factor and not factors.has_factor(user):  # pages are blocked for them as well
            raise PermissionDenied(factors.setup_required_message(user))
        return found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _count_wrong_key(request: Request, key: str) -> None:
    try:
        signing_in.count_wrong_key(source=str(request.META.get("REMOTE_ADDR", "")), key=key)
    except TooManyAttempts as error:
        raise Throttled(wait=error.retry_after_seconds, detail=str(error)) from None


def _authenticate_key(key: str) -> tuple[User, Secret] | None:
    """Return the user of a key and its row, or None. The prefix of the key tells its kind."""
    if key.startswith(programs.ACCESS_TOKEN_PREFIX):
        by_access_token = programs.program_with_token(key)
        if by_access_token is not None:
            by_access_token[0].access.key = (KeyKind.ACCESS_TOKEN, "")
        return by_access_token
    if key.startswith(programs.KEY_PREFIX):
        by_key = programs.program_with_key(key)
        if by_key is not None:
            by_key[0].access.key = (KeyKind.KEY, by_key[1].prefix)
        return by_key
    token = _find(key)
    if token is None or token.has_expired:
        return None
    token.user.access.key = (KeyKind.TOKEN, token.prefix)
    if token.scopes:
        token.user.access.scopes = token.scopes
    if token.user.is_active:
        _record_use(token)
    return token.user, token


def _find(key: str) -> ApiToken | None:
    """Return the token of a key, looked up by its prefix and checked against its hash."""
    if not KEY.fullmatch(key):
        return None
    token = ApiToken.objects.select_related("user").filter(prefix=key.partition(".")[0], revoked=False).first()
    return token if token is not None and token.is_valid(key) else None


def _record_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USE_RECORD_INTERVAL:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
