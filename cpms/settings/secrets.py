"""The secret keys: Django's, and those that encrypt stations' secrets (separate, so that each can be rotated)."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from cpms.settings.environment import Environment


def secret_key(env: Environment, folder: Path, *, is_production: bool) -> str:
    key = env.text("SECRET_KEY")
    if key:
        if len(key) < 50:
            raise ImproperlyConfigured("The setting SECRET_KEY must have at least 50 characters.")
        return key
    if is_production:
        raise ImproperlyConfigured("The setting SECRET_KEY is missing: set 50 or more random characters.")
    return _stored_key(folder / "secret_key", lambda: secrets.token_urlsafe(64))


def station_secret_keys(env: Environment, folder: Path, *, is_production: bool) -> list[str]:
    """Return the Fernet keys. The first one encrypts, all decrypt: put a new one first to rotate."""
    keys = env.word_list("STATION_SECRET_KEYS", [])
    if not keys:
        if is_production:
            raise ImproperlyConfigured(
                "The setting STATION_SECRET_KEYS is missing: set one or more Fernet keys, separated by commas "
                '(python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())").'
            )
        keys = [_stored_key(folder / "station_secret_key", lambda: Fernet.generate_key().decode())]
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            raise ImproperlyConfigured(
                f"Key {number} in the setting STATION_SECRET_KEYS is not a Fernet key."
            ) from None
    return keys


def _stored_key(path: Path, make: Callable[[], str]) -> str:
    """Return a stored key. The embedded mode creates its keys at the first start, beside its database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(make())
        with contextlib.suppress(FileExistsError):  # another process was faster: use its key
            os.link(temporary, path)
        temporary.unlink()
    return path.read_text().strip()
