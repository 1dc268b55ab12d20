"""Typed reading of environment variables. An invalid value stops the start with an error that names the setting."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


class Environment:
    """Values of the process environment, with the project's `.env` file as fallback."""

    def __init__(self, root: Path) -> None:
        self._env = environ.FileAwareEnv()
        if (root / ".env").is_file():
            environ.Env.read_env(root / ".env")

    def _value(self, name: str, default: T, read: Callable[[str], T], what: str) -> T:
        raw = os.environ.get(name, "").strip()
        if not raw:
            return default
        try:
            return read(raw)
        except (ValueError, TypeError) as error:
            raise ImproperlyConfigured(f"The setting {name} must be {what}, but it is {raw!r}.") from error

    def text(self, name: str, default: str = "") -> str:
        return self._env.str(name, default=default).strip()

    def flag(self, name: str, default: bool) -> bool:
        def read(raw: str) -> bool:
            if raw.lower() in TRUE | FALSE:
                return raw.lower() in TRUE
            raise ValueError(raw)

        return self._value(name, default, read, "1 or 0")

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
        def read(raw: str) -> int:
            if not least <= int(raw) <= most:
                raise ValueError(raw)
            return int(raw)

        return self._value(name, default, read, f"a whole number from {least} to {most}")

    def number(self, name: str, default: float, *, least: float = 0.0) -> float:
        def read(raw: str) -> float:
            if not float(raw) >= least:
                raise ValueError(raw)
            return float(raw)

        return self._value(name, default, read, f"a number, {least} or more")

    def word_list(self, name: str, default: list[str]) -> list[str]:
        return self._value(
            name, default, lambda raw: [item.strip() for item in raw.split(",") if item.strip()], "a comma list"
        )

    def choice(self, name: str, default: str, options: tuple[str, ...]) -> str:
        def read(raw: str) -> str:
            if raw not in options:
                raise ValueError(raw)
            return raw

        return self._value(name, default, read, "one of " + ", ".join(repr(option) for option in options))

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        def read(raw: str) -> str:
            if urlsplit(raw).scheme not in schemes:
                raise ValueError(raw)
            return raw

        try:
            return self._value(name, default, read, "")
        except ImproperlyConfigured:  # the value may contain a password, so the error does not repeat it
            raise ImproperlyConfigured(
                f"The setting {name} must be a URL that starts with one of {', '.join(schemes)}."
            ) from None
