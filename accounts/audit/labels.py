"""Labels of audit entries in the language of the reader."""

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

DOWNLOADED = "download"  # filter choice; entries of downloads have Action.ACCESS
ACTIONS = {
    Action.CREATE: gettext_lazy("Added"),
    Action.UPDATE: gettext_lazy("Changed"),
    Action.DELETE: gettext_lazy("Deleted"),
    Action.ACCESS: gettext_lazy("Viewed"),
}
EXTRA_LABELS = {
    "pictures": gettext_lazy("pictures"),
    "ratings": gettext_lazy("ratings of the connectors"),
    "accepted_sessions": gettext_lazy("sessions accepted"),
    "second_factor": gettext_lazy("two-factor authentication"),
    "signed_in": gettext_lazy("signed in"),
    "sign_in_attempts": gettext_lazy("failed sign-ins"),
}  # keys of changes that are not model fields
FACTOR_LABELS = {
    "app": gettext_lazy("Authenticator app"),
    "codes": gettext_lazy("Recovery codes"),
    "all": gettext_lazy("Two-factor authentication"),
    "enrolment_code": gettext_lazy("Enrolment code"),
}
FORMER = re.compile(r"\bFormer person (\d+)\b")  # the pseudonym that erasure writes
PASSKEY_PREFIX = "key:"  # followed by the name of the passkey


class ChangeLine(NamedTuple):
    """One line of an entry. `before` is None for values that are not changes, such as filters."""

    label: str
    before: str | None
    after: str

    def __str__(self) -> str:
        change = "" if self.before is None else f"{self.before or formatting.DASH} → "
        return describe_former(f"{self.label}: {change}{self.after or formatting.DASH}")


def describe_former(text: str) -> str:
    """Translate the pseudonym of an erased person."""
    return FORMER.sub(lambda match: _("Former person %(number)d") % {"number": int(match[1])}, text)


def object_of(entry: Any) -> str:
    return describe_former(entry.object_repr)


def kind_of(entry: Any) -> str:
    model = entry.content_type.model_class()
    return capfirst(str(model._meta.verbose_name if model else entry.content_type.model))


def is_download(entry: Any) -> bool:
    return DOWNLOAD in (entry.changes or {})


def action_of(entry: Any) -> str:
    return _("Downloaded") if is_download(entry) else str(ACTIONS.get(entry.action, ""))


def changes_of(entry: Any) -> list[ChangeLine]:
    """Return the changes of an entry, or what was downloaded, with translated labels and values."""
    if is_download(entry):
        return list(_download(entry))
    model = entry.content_type.model_class()
    lines = []
    fields = {} if model is None else {field.name: field for field in model._meta.get_fields()}
    for name, change in (entry.changes or {}).items():
        field = fields.get(name)
        label = str(EXTRA_LABELS.get(name) or getattr(field, "verbose_name", name))
        if isinstance(change, dict):  # many to many
            objects = ", ".join(map(str, change.get("objects", [])))
            lines.append(ChangeLine(label, *(("", objects) if change.get("operation") == "add" else (objects, ""))))
            continue
        before, after = (describe_value(field, "" if value in (None, "None") else str(value)) for value in change)
        if name == "second_factor":
            before, after = describe_factor(before), describe_factor(after)
        if name == "signed_in":
            before = recorded_browser_label(before)
        if before or after:
            lines.append(ChangeLine(label, before, after))
    return lines


def describe_changes(entry: Any) -> str:
    return "; ".join(map(str, changes_of(entry)))


def describe_value(field: Any, value: str) -> str:
    """Return a stored value as a page shows it: the label of a choice, yes or no, a list, or a time."""
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
            return formatting.full_time(at if at.tzinfo else at.replace(tzinfo=UTC))  # stored in UTC without a zone
    except (KeyError, TypeError, ValueError):  # stored by an older version
        return value
    return value


def _as_texts(choices: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    return ((str(key), label) for key, label in choices)


def describe_factor(key: str) -> str:
    """Return the label of a second factor. Texts that older versions stored are returned unchanged."""
    if key.startswith(PASSKEY_PREFIX):
        return _("Passkey “%(name)s”") % {"name": key.removeprefix(PASSKEY_PREFIX)}
    return str(FACTOR_LABELS.get(key, key))


def _download(entry: Any) -> Iterator[ChangeLine]:
    download = entry.changes[DOWNLOAD]
    file, values = f"{download.get('list')}.{download.get('form')}", download.get("filters") or {}
    if file != entry.object_repr:  # the download of a user's own data
        yield ChangeLine(_("File"), None, file)
    elif not values:
        yield ChangeLine(_("Filter"), None, _("none (everything that this user can see)"))
    filters = _filters_of(str(download.get("list", ""))) if values else {}
    for name, value in values.items():
        list_filter = filters.get(name)
        label = str(list_filter.label or name) if list_filter else name
        shown = _filter_value_label(list_filter, str(value)) if value else _("set (the entered text is not stored)")
        yield ChangeLine(label, None, shown)


def _filters_of(name: str) -> dict[str, Any]:
    """Return the filters of the list with this export name; empty if there is none any more."""
    page = ListPage.exported.get(name)
    return dict(page.filterset_class.base_filters) if page else {}


def _filter_value_label(list_filter: Any, value: str) -> str:
    choices = {str(key): str(label) for key, label in (list_filter.extra.get("choices") or ())} if list_filter else {}
    labels = [choices.get(one, "") for one in value.split(",")]
    if all(labels):
        return ", ".join(labels)
    try:
        return formatting.full_time(datetime.fromisoformat(value)) if "T" in value else value
    except ValueError:
        return value
