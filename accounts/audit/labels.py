"""What an entry of the audit trail says, in the language of who reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audit.services import DOWNLOAD, Action
from cpms.common.web import formatting
from cpms.common.web.pages import ListPage
from cpms.common.web.user_agents import recorded_browser_label

DOWNLOADED = "download"  # among the choices of what was done; the entries' action is that of looking at something
ACTIONS = {
    Action.CREATE: gettext_lazy("Added"),
    Action.UPDATE: gettext_lazy("Changed"),
    Action.DELETE: gettext_lazy("Deleted"),
    Action.ACCESS: gettext_lazy("Looked at"),
}
NOTED = {
    "second_factor": gettext_lazy("second factor"),
    "signed_in": gettext_lazy("signed in"),
    "sign_in_attempts": gettext_lazy("failed sign-ins"),
}  # no fields
FACTOR_WORDS = {
    "app": gettext_lazy("Authenticator app"),
    "codes": gettext_lazy("Recovery codes"),
    "all": gettext_lazy("Second factor"),
    "enrolment_code": gettext_lazy("Enrolment code"),
}
FORMER = re.compile(r"\bFormer person (\d+)\b")  # as erasure writes it
KEY_BEGINNING = "key:"  # and the name that its owner gave it


class Told(NamedTuple):
    """One thing that an entry says; `before` is None where nothing was changed."""

    label: str
    before: str | None
    after: str

    def __str__(self) -> str:
        change = "" if self.before is None else f"{self.before or formatting.DASH} → "
        return describe_former(f"{self.label}: {change}{self.after or formatting.DASH}")


def describe_former(text: str) -> str:
    """Say the pseudonym of an erased person in the language of who reads it."""
    return FORMER.sub(lambda found: _("Former person %(number)d") % {"number": int(found[1])}, text)


def object_of(entry: Any) -> str:
    return describe_former(entry.object_repr)


def kind_of(entry: Any) -> str:
    model = entry.content_type.model_class()
    return capfirst(str(model._meta.verbose_name if model else entry.content_type.model))


def is_download(entry: Any) -> bool:
    return DOWNLOAD in (entry.changes or {})


def action_of(entry: Any) -> str:
    return _("Downloaded") if is_download(entry) else str(ACTIONS.get(entry.action, ""))


def changes_of(entry: Any) -> list[Told]:
    """What was changed, or what was downloaded; in words where there are some."""
    if is_download(entry):
        return list(_download(entry))
    model = entry.content_type.model_class()
    told = []
    fields = {} if model is None else {field.name: field for field in model._meta.get_fields()}
    for name, change in (entry.changes or {}).items():
        field = fields.get(name)
        label = str(NOTED.get(name) or getattr(field, "verbose_name", name))
        if isinstance(change, dict):  # many to many
            objects = ", ".join(map(str, change.get("objects", [])))
            told.append(Told(label, *(("", objects) if change.get("operation") == "add" else (objects, ""))))
            continue
        before, after = (describe_value(field, "" if value in (None, "None") else str(value)) for value in change)
        if name == "second_factor":
            before, after = describe_factor(before), describe_factor(after)
        if name == "signed_in":
            before = recorded_browser_label(before)
        if before or after:
            told.append(Told(label, before, after))
    return told


def describe_changes(entry: Any) -> str:
    return "; ".join(map(str, changes_of(entry)))


def describe_value(field: Any, value: str) -> str:
    """What the trail keeps of a field, as a page would say it: the name of a choice, yes or no, a list, a time."""
    if not value or not isinstance(field, models.Field):
        return value
    if field.choices:
        return str(dict(_as_texts(field.flatchoices)).get(value, value))
    try:
        if isinstance(field, models.BooleanField):
            return {"True": _("yes"), "False": _("no")}[value]
        if isinstance(field, models.JSONField):
            return ", ".join(map(str, json.loads(value)))
        if isinstance(field, models.DateTimeField):
            at = datetime.fromisoformat(value)
            return formatting.full_time(at if at.tzinfo else at.replace(tzinfo=UTC))  # kept without a zone, in UTC
    except (KeyError, TypeError, ValueError):  # what an older version kept
        return value
    return value


def _as_texts(choices: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    return ((str(key), label) for key, label in choices)


def describe_factor(key: str) -> str:
    """What a second factor is called; what was written down as words, before there were keys, stays as it is."""
    if key.startswith(KEY_BEGINNING):
        return _("Passkey “%(name)s”") % {"name": key.removeprefix(KEY_BEGINNING)}
    return str(FACTOR_WORDS.get(key, key))


def _download(entry: Any) -> Iterator[Told]:
    facts = entry.changes[DOWNLOAD]
    file, chosen = f"{facts.get('list')}.{facts.get('form')}", facts.get("filters") or {}
    if file != entry.object_repr:  # what is kept about a person
        yield Told(_("File"), None, file)
    elif not chosen:
        yield Told(_("Filter"), None, _("none, all that this person may see"))
    filters = _filters_of(str(facts.get("list", ""))) if chosen else {}
    for name, value in chosen.items():
        known = filters.get(name)
        label = str(known.label or name) if known else name
        yield Told(label, None, _said(known, str(value)) if value else _("was set; what was typed is not kept"))


def _filters_of(name: str) -> dict[str, Any]:
    """The filters of a list that still has files of this name."""
    page = ListPage.exported.get(name)
    return dict(page.filterset_class.base_filters) if page else {}


def _said(known: Any, value: str) -> str:
    choices = {str(key): str(label) for key, label in (known.extra.get("choices") or ())} if known else {}
    words = [choices.get(one, "") for one in value.split(",")]
    if all(words):
        return ", ".join(words)
    try:
        return formatting.full_time(datetime.fromisoformat(value)) if "T" in value else value
    except ValueError:
        return value
