"""Protect a new station password inside a command: encrypted while the command waits, deleted when it is sent."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from chargers import protocols
from chargers.protocols import CommandCodec
from chargers.vocabulary import ConfigurationKey
from cpms.common.models import decrypt
from operations.commands.models import Command

Payload = dict[str, Any]
MASK = "***"


def password_in(kind: str, parameters: Payload) -> str | None:
    """Return the new station password (or its mask) that a command sets; None if it sets none."""
    if kind == Command.Kind.CHANGE_CONFIGURATION:
        key = str(parameters.get("key", "")).strip().lower()
        return str(parameters.get("value", "")) if key == ConfigurationKey.PASSWORD.lower() else None
    raw = _raw_with_password(kind, parameters)
    return None if raw is None else raw[0]


def seal(kind: str, parameters: Payload) -> Payload:
    """Return the parameters for storage, with the password encrypted."""
    password = password_in(kind, parameters)
    if password is None:
        return parameters
    keys = MultiFernet([Fernet(each) for each in settings.STATION_SECRET_KEYS])
    return {**_with_password(kind, parameters, MASK), "sealed": keys.encrypt(password.encode()).decode()}


def unseal(kind: str, parameters: Payload) -> tuple[Payload, Payload]:
    """Return the parameters to send, and the redacted ones to keep in the row."""
    redacted = redact(kind, parameters)
    sealed = parameters.get("sealed")
    if sealed is None:
        return parameters, redacted
    return _with_password(kind, redacted, decrypt(str(sealed).encode()).decode()), redacted


def redact(kind: str, parameters: Payload) -> Payload:
    """Return the parameters without the password, for display."""
    redacted = {name: value for name, value in parameters.items() if name != "sealed"}
    return redacted if password_in(kind, redacted) is None else _with_password(kind, redacted, MASK)


def _raw_with_password(kind: str, parameters: Payload) -> tuple[str, CommandCodec] | None:
    """Return the password that a raw command sets, and the codec of its OCPP version."""
    payload = parameters.get("payload")
    if kind != Command.Kind.RAW or not isinstance(payload, dict):
        return None
    for protocol in protocols.registered():
        if protocol.commands is not None:
            password = protocol.commands.password_in(str(parameters.get("action", "")), payload)
            if password is not None:
                return password, protocol.commands
    return None


def _with_password(kind: str, parameters: Payload, value: str) -> Payload:
    raw = _raw_with_password(kind, parameters)
    if raw is None:
        return {**parameters, "value": value}
    action, payload = str(parameters.get("action", "")), parameters["payload"]
    return {**parameters, "payload": raw[1].with_password(action, payload, value)}
