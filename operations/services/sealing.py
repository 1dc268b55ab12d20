"""A station's password on its way out: encrypted while its command waits, gone once it is sent (P5)."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from cpms.common.models import decrypt
from operations.models import Command

Payload = dict[str, Any]
SECRET_KEYS = {"authorizationkey"}
HIDDEN = "***"


def seal(kind: str, parameters: Payload) -> Payload:
    """The parameters as they may be stored."""
    key = str(parameters.get("key", "")).strip().lower()
    if kind != Command.Kind.CHANGE_CONFIGURATION or key not in SECRET_KEYS:
        return parameters
    keys = MultiFernet([Fernet(each) for each in settings.STATION_SECRET_KEYS])
    return {**parameters, "value": HIDDEN, "sealed": keys.encrypt(str(parameters["value"]).encode()).decode()}


def unseal(parameters: Payload) -> tuple[Payload, Payload]:
    """The parameters to send, and those that stay in the row."""
    sealed = parameters.get("sealed")
    if sealed is None:
        return parameters, parameters
    kept = {name: value for name, value in parameters.items() if name != "sealed"}
    return {**kept, "value": decrypt(str(sealed).encode()).decode()}, kept
