"""A station's new password inside a command: encrypted while the command waits, deleted once it is sent."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from cpms.common.models import decrypt
from operations.models import Command

Payload = dict[str, Any]
PASSWORD_KEY = "AuthorizationKey"  # noqa: S105 - its name
SECRET_KEYS = {PASSWORD_KEY.lower()}
HIDDEN = "***"


def password_in(kind: str, parameters: Payload) -> str | None:
    """The station's new password, or what stands for it, if that is what a command is about."""
    setting = _setting(kind, parameters)
    if setting is None or str(setting.get("key", "")).strip().lower() not in SECRET_KEYS:
        return None
    return str(setting.get("value", ""))


def seal(kind: str, parameters: Payload) -> Payload:
    """The parameters as they may be stored."""
    password = password_in(kind, parameters)
    if password is None:
        return parameters
    keys = MultiFernet([Fernet(each) for each in settings.STATION_SECRET_KEYS])
    return {**_with(kind, parameters, HIDDEN), "sealed": keys.encrypt(password.encode()).decode()}


def unseal(kind: str, parameters: Payload) -> tuple[Payload, Payload]:
    """The parameters to send, and those that stay in the row."""
    kept = shown(kind, parameters)
    sealed = parameters.get("sealed")
    if sealed is None:
        return parameters, kept
    return _with(kind, kept, decrypt(str(sealed).encode()).decode()), kept


def shown(kind: str, parameters: Payload) -> Payload:
    """The parameters as anybody may see them."""
    kept = {name: value for name, value in parameters.items() if name != "sealed"}
    return kept if password_in(kind, kept) is None else _with(kind, kept, HIDDEN)


def _setting(kind: str, parameters: Payload) -> Payload | None:
    """Where key and value of a change of configuration are, in our words or in OCPP's own."""
    if kind == Command.Kind.CHANGE_CONFIGURATION:
        return parameters
    if kind == Command.Kind.RAW and parameters.get("action") == "ChangeConfiguration":
        payload = parameters.get("payload")
        return payload if isinstance(payload, dict) else None
    return None


def _with(kind: str, parameters: Payload, value: str) -> Payload:
    if kind == Command.Kind.RAW:
        return {**parameters, "payload": {**parameters["payload"], "value": value}}
    return {**parameters, "value": value}
