"""A station's new password inside a command: encrypted while the command waits, deleted once it is sent."""

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
HIDDEN = "***"


def password_in(kind: str, parameters: Payload) -> str | None:
    """The station's new password, or what stands for it, if that is what a command is about."""
    if kind == Command.Kind.CHANGE_CONFIGURATION:
        key = str(parameters.get("key", "")).strip().lower()
        return str(parameters.get("value", "")) if key == ConfigurationKey.PASSWORD.lower() else None
    raw = _raw_with_password(kind, parameters)
    return None if raw is None else raw[0]


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


def _raw_with_password(kind: str, parameters: Payload) -> tuple[str, CommandCodec] | None:
    """The password that a raw command sets, and the codec of the version whose words it is in."""
    payload = parameters.get("payload")
    if kind != Command.Kind.RAW or not isinstance(payload, dict):
        return None
    for protocol in protocols.registered():
        if protocol.commands is not None:
            password = protocol.commands.password_in(str(parameters.get("action", "")), payload)
            if password is not None:
                return password, protocol.commands
    return None


def _with(kind: str, parameters: Payload, value: str) -> Payload:
    raw = _raw_with_password(kind, parameters)
    if raw is None:
        return {**parameters, "value": value}
    action, payload = str(parameters.get("action", "")), parameters["payload"]
    return {**parameters, "payload": raw[1].with_password(action, payload, value)}
