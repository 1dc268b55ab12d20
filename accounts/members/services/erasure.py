"""Erase a person: their actions stay on record under a pseudonym, and everything that identifies them is removed.

Every text and JSON column of the database is either searched here, or emptied with the account, or listed in
tests/accounts/members/test_erasure.py with the reason why it holds no personal data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.access.models import Grant
from accounts.audit.models import AuditEntry
from accounts.audit.services import HIDDEN, TRACKED
from accounts.mails.models import AccountMail
from accounts.members.models import Invitation
from accounts.people.models import User
from accounts.sign_in.services import browsers

MIN_PHONE_LENGTH = 6  # a shorter text could be any number
PERSONAL = ("first_name", "last_name", "email", "phone")
# Columns where people may have written somebody's name, address or number, by model.
SWEPT: Mapping[str, tuple[str, ...]] = {
    "admin.LogEntry": ("object_repr", "change_message"),
    "accounts.Team": ("name",),
    "accounts.BillingDetails": ("name", "street", "email"),
    "accounts.Brand": ("portal_name", "support_email", "support_phone"),
    "accounts.User": ("first_name", "last_name"),
    "accounts.Program": ("name",),
    "accounts.AddressChange": ("old_email", "new_email"),
    "accounts.ApiToken": ("name",),
    "accounts.SavedView": ("name", "query"),
    "accounts.Invitation": ("email",),
    "accounts.AccountMail": ("email", "about", "error"),
    "chargers.ChargingStation": ("name",),
    "chargers.Installation": (
        "name",
        "street",
        "contact_name",
        "contact_phone",
        "hotline",
        "emergency_contact",
        "opening_hours",
        "access_notes",
    ),
    "chargers.Circuit": ("name",),
    "chargers.StationGroup": ("name",),
    "chargers.Tag": ("label",),
    "operations.Command": ("parameters",),
    "chargers.Event": ("data",),
    "maintenance.Notification": ("parameters",),
    "maintenance.AlarmMail": ("subject", "body", "error"),
}
AUDITED = ("object_repr", "changes", "changes_text", "serialized_data", "additional_data", "actor_email")


class Traces:
    """The texts that identify a person, and their replacements. Create it before the person is erased."""

    def __init__(self, person: User) -> None:
        self.pk, self.name, self.email = person.pk, f"Former person {person.pk}", f"former-{person.pk}@erased.invalid"
        former = _former_values(person)
        self.emails = sorted({person.email, *former["email"]})
        self.rows = _rows_of(person)
        first, last = person.first_name.strip(), person.last_name.strip()
        firsts, lasts = sorted({first, *former["first_name"]} - {""}), sorted({last, *former["last_name"]} - {""})
        self.parts = [*firsts, *lasts]
        pairs = [(one, other) for one in firsts for other in lasts]
        names = [form.format(*pair) for pair in pairs for form in ("{0} {1}", "{1}, {0}", "{1} {0}")]
        namesakes = User.objects.filter(first_name__iexact=first, last_name__iexact=last, erased_at=None)
        self.has_namesake = bool(self.parts) and namesakes.exclude(pk=person.pk).exists()
        self.names = names
        phones = {phone.strip() for phone in (person.phone, *former["phone"])}
        phones |= {re.sub(r"[^\d+]", "", phone) for phone in phones}
        self.phones = sorted(phone for phone in phones if len(phone) >= MIN_PHONE_LENGTH)

    @property
    def search_texts(self) -> list[str]:
        """Return the texts that are searched for everywhere. Names that another person shares are left out."""
        return [*self.emails, *self.phones, *([] if self.has_namesake else self.names)]

    def clean(self, value: Any, *, is_theirs: bool = False) -> Any:
        """Return a text or a JSON document with everything that identifies the person replaced.

        Args:
            is_theirs: whether the row is about this person; then first or last name alone are replaced too.
        """
        if isinstance(value, dict):
            return {key: self.clean(one, is_theirs=is_theirs) for key, one in value.items()}
        if isinstance(value, list):
            return [self.clean(one, is_theirs=is_theirs) for one in value]
        if not isinstance(value, str):
            return value
        if value in self.parts:  # a person with only a first or last name is displayed with it
            return self.name
        value = _replace(value, self.emails, self.email)
        value = _replace(value, [*self.names, *self.parts] if is_theirs else self.names_to_clean, self.name)
        return _replace(value, self.phones, self.name)

    @property
    def names_to_clean(self) -> list[str]:
        return [] if self.has_namesake else self.names


def erase(person: User, traces: Traces) -> None:
    """Empty the account and clean what others wrote about the person. Call it in a transaction.

    Args:
        traces: created before the person left their teams.
    """
    now = timezone.now()
    theirs = Q(user=person) | _any_of("email", traces.emails)
    AccountMail.objects.filter(theirs).delete()
    Invitation.objects.open().filter(_any_of("email", traces.emails)).update(revoked_at=now)
    Grant.objects.filter(user=person, withdrawn_at__isnull=True).update(withdrawn_at=now)
    person.tags.update(user=None, label="", status="blocked")
    for rows in (
        person.station_groups,
        person.api_tokens,
        person.notifications,
        person.notification_choices,
        person.address_changes,
        person.factor_codes,
    ):
        rows.all().delete()
    for model in (Authenticator, EmailAddress):
        model.objects.filter(user=person).delete()
    browsers.sign_out_others(user=person, keep_session=None)
    person.email = traces.email
    person.first_name = person.last_name = person.phone = ""
    person.language = person.time_zone = person.theme = person.date_format = person.number_format = ""
    person.email_verified_at, person.erased_at = None, now
    person.is_active = person.is_staff = person.is_superuser = False
    person.set_unusable_password()  # ends every session, since the password hash is part of them
    person.save()
    for label, columns in SWEPT.items():
        _sweep(apps.get_model(label), columns, traces)
    _sweep_audit_log(traces)
    transaction.on_commit(partial(_delete_stored_mails, traces.emails))


def _sweep(model: type[models.Model], columns: Iterable[str], traces: Traces) -> None:
    """Clean the given columns in all rows of a model that contain one of the texts."""
    rows = model._base_manager.all()
    for row in _containing(rows, columns, traces.search_texts).only("pk", *columns):
        values = {name: _truncate(model, name, traces.clean(getattr(row, name))) for name in columns}
        rows.filter(pk=row.pk).update(**{name: value for name, value in values.items() if value != getattr(row, name)})


def _sweep_audit_log(traces: Traces) -> None:
    about = Q(actor=traces.pk)
    for kind, keys in traces.rows.items():
        about |= Q(content_type=kind, object_pk__in=keys)
    entries = AuditEntry.objects.order_by().select_related(None)
    found = set(entries.filter(about).values_list("pk", flat=True))
    found.update(_containing(entries, AUDITED, traces.search_texts).values_list("pk", flat=True))
    if not found:
        return
    with AuditEntry.objects.erasing():
        for entry in AuditEntry.objects.filter(pk__in=found).iterator(chunk_size=500):
            AuditEntry.objects.filter(pk=entry.pk).pseudonymise(**_cleaned(entry, traces))


def _cleaned(entry: AuditEntry, traces: Traces) -> dict[str, Any]:
    keys = traces.rows.get(entry.content_type_id, frozenset())
    is_theirs = entry.object_pk in keys
    clean: Callable[[Any], Any] = partial(traces.clean, is_theirs=is_theirs)
    values = {name: clean(getattr(entry, name)) for name in AUDITED}
    model = entry.content_type.model_class()
    if is_theirs and isinstance(values["changes"], dict):
        values["changes"] = _without_personal(values["changes"], model, traces)
    if is_theirs and model is User:
        values["object_repr"] = traces.name
    if entry.actor_id == traces.pk:
        values["actor_email"] = traces.email
    return values


def _without_personal(changes: dict[str, Any], model: Any, traces: Traces) -> dict[str, Any]:
    """Return the changes with every former value of the person's own fields hidden."""
    hidden = dict.fromkeys(PERSONAL, traces.name) if model is User else {"label": HIDDEN, "employee_number": HIDDEN}
    hidden |= {"email": traces.email} if model is User else {}
    return {
        name: [hidden[name] if value not in ("", "None", None) else value for value in change]
        if name in hidden and isinstance(change, list)
        else change
        for name, change in changes.items()
    }


def _containing(rows: Any, columns: Iterable[str], search_texts: Iterable[str]) -> Any:
    """Return the rows that contain one of the texts, in JSON columns also in the escaped form that SQLite stores."""
    condition = Q(pk__in=())
    for column in columns:
        rows = rows.annotate(**{f"text_of_{column}": Cast(column, models.TextField())})
        for search_text in search_texts:
            for text in {search_text, json.dumps(search_text)[1:-1]}:
                condition |= Q(**{f"text_of_{column}__icontains": text})
    return rows.filter(condition)


def _any_of(column: str, texts: Iterable[str]) -> Q:
    condition = Q(pk__in=())
    for text in texts:
        condition |= Q(**{f"{column}__iexact": text})
    return condition


def _replace(text: str, search_texts: Iterable[str], replacement: str) -> str:
    """Replace whole words only: "grada@example.org" does not contain "ada@example.org"."""
    for search_text in sorted(search_texts, key=len, reverse=True):
        text = re.sub(
            rf"(?<![\w.@+-]){re.escape(search_text)}(?![\w@-]|\.\w)", replacement.replace("\\", r"\\"), text, flags=re.I
        )
    return text


def _truncate(model: type[models.Model], column: str, value: Any) -> Any:
    most = getattr(model._meta.get_field(column), "max_length", None)
    return value[:most] if most and isinstance(value, str) else value


def _rows_of(person: User) -> dict[int, frozenset[str]]:
    """Return the keys of the person's row and of their own rows, by content type, for models in the audit log."""
    found = {ContentType.objects.get_for_model(User).pk: frozenset([str(person.pk)])}
    for relation in User._meta.related_objects:
        model: Any = relation.related_model
        if model in TRACKED and relation.field.name == "user":
            keys = model._base_manager.filter(user=person).values_list("pk", flat=True)
            found[ContentType.objects.get_for_model(model).pk] = frozenset(map(str, keys))
    return found


def _former_values(person: User) -> dict[str, set[str]]:
    """Return former names, addresses and phone numbers of the person, from the audit log."""
    found: dict[str, set[str]] = {name: set() for name in PERSONAL}
    entries = AuditEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_pk=str(person.pk))
    for changes in entries.values_list("changes", flat=True):
        for name in PERSONAL:
            change = (changes or {}).get(name)
            found[name].update(one for one in change or () if one not in ("", "None", None))
    return found


def _delete_stored_mails(emails: list[str]) -> None:
    """Delete the person's e-mails from the folder that a development page shows."""
    if not settings.MAILS_IN_PAGE:
        return
    for file in Path(settings.MAILS_FOLDER).glob("*.eml"):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        if any(email.lower() in str(message["to"]).lower() for email in emails):
            file.unlink(missing_ok=True)
