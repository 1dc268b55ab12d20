"""Read a set-up file, in YAML or JSON, and check it against the schema."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import yaml
from django.utils.translation import gettext as _
from jsonschema_rs import Draft202012Validator

from cpms.common.errors import DomainError
from cpms.setup.schema import SCHEMA

MAX_ERRORS = 50  # named at once


class CoreLoader(yaml.SafeLoader):
    """Reads YAML by its version 1.2: "NO" is Norway, not false, and a date is a text."""


CoreLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+$"), list("-+0123456789")
)


def read_document(text: str) -> dict[str, Any]:
    """Return the contents of a set-up file.

    Raises:
        DomainError: it is neither JSON nor YAML, or does not match the schema (`fields` names the places).
    """
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, CoreLoader)  # noqa: S506
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise DomainError(_("The file is neither JSON nor YAML: %(cause)s") % {"cause": error}) from None
    check_document(document)
    return dict(document)


def check_document(document: Any) -> None:
    """Check a set-up against the schema.

    Raises:
        DomainError: it does not match (`fields` names the places, like `installations[0].circuits[2].phases`).
    """
    found: dict[str, str] = {}
    for error in _validator().iter_errors(document):
        found.setdefault(path_of(error.instance_path) or "document", error.message)
        if len(found) == MAX_ERRORS:
            break
    if found:
        place, message = next(iter(found.items()))
        raise DomainError(f"{place}: {message}", fields=found)


def path_of(parts: list[str | int]) -> str:
    """Return a place in a document as text, for example `installations[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(SCHEMA)
