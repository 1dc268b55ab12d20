"""Write the audit log: changes of the tracked models, and entries that services write themselves.

Only changes that people make are recorded. Reports of stations are not: a second row for each of their messages would
halve the speed of the gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from auditlog.receivers import log_update
from auditlog.registry import auditlog
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
from django.db.models.signals import pre_save

from accounts.audit.context import team_of
from cpms.common.web.downloads import Download

HIDDEN = "••••"
TRACKED: dict[type[Model], frozenset[str]] = {}


def track_changes(
    model: type[Model], fields: Sequence[str], *, secrets: Sequence[str] = (), many: Sequence[str] = ()
) -> None:
    """Record who creates, changes and deletes rows of a model.

    Args:
        fields: the fields whose changes are recorded.
        secrets: fields for which only the fact of a change is recorded, not the values.
        many: many-to-many fields whose changes are recorded.
    """
    TRACKED[model] = frozenset([*fields, *secrets])
    auditlog._signals[pre_save] = _log_update
    auditlog.register(
        model,
        include_fields=[*fields, *secrets],
        mask_fields=list(secrets),
        mask_callable="accounts.audit.services.mask",
        m2m_fields=set(many),
    )


class Action(IntEnum):
    """The actions of django-auditlog."""

    CREATE, UPDATE, DELETE, ACCESS = range(4)


def mask(value: str) -> str:
    """Return the placeholder that is recorded instead of a secret."""
    return HIDDEN if value not in ("", "None") else ""


def _log_update(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    """Record a change of tracked fields. A save of other fields must not cost the query for the old row."""
    names = kwargs.get("update_fields")
    if names is None or TRACKED.get(sender, frozenset()).intersection(names):
        log_update(sender, instance, **kwargs)


def record_entry(row: Model, *, actor: Any, team_id: int | None, changes: dict[str, Any], action: Action) -> None:
    """Write an entry for a change that is not visible in tracked fields.

    Args:
        changes: old and new value by key; see `accounts.audit.labels` for their labels.
    """
    from accounts.audit.models import AuditEntry

    AuditEntry.objects.create(
        content_type=ContentType.objects.get_for_model(row),
        object_pk=str(row.pk),
        object_id=row.pk,
        object_repr=str(row),
        action=action,
        changes=changes,
        actor=actor,
        actor_email=actor.signature if actor is not None else None,
        team_id=team_id,
    )


def record_added_rows(rows: Sequence[Model], *, actor: Any, team_id: int) -> None:
    """Write entries for rows that were created in bulk, which django-auditlog does not see."""
    from accounts.audit.context import add_request_details
    from accounts.audit.models import AuditEntry

    if not rows:
        return
    details = add_request_details({"actor": actor, "actor_email": actor.signature if actor is not None else None})
    kind = ContentType.objects.get_for_model(rows[0])
    entries = [
        AuditEntry(
            content_type=kind,
            object_pk=str(row.pk),
            object_id=row.pk,
            object_repr=str(row),
            action=AuditEntry.Action.CREATE,
            changes={},
            team_id=team_id,
            **details,
        )
        for row in rows
    ]
    AuditEntry.objects.bulk_create(entries, 500)


DOWNLOAD = "download"  # key of the change in entries of downloads


def record_download(download: Download) -> None:
    """Record who exports which list: once for each team whose rows could be in the file, so that its administrators
    see it. An export of all data by support staff concerns no single team and is recorded without one."""
    from accounts.audit.context import add_request_details
    from accounts.audit.models import AuditEntry

    person = download.person
    details = add_request_details({"actor": person, "actor_email": person.signature})
    change = {"list": download.name, "form": download.form, "filters": download.filters}
    entries = [
        AuditEntry(
            content_type=ContentType.objects.get_for_model(download.model),
            object_pk="",
            object_repr=f"{download.name}.{download.form}",
            action=Action.ACCESS,
            changes={DOWNLOAD: change},
            team_id=team_id,
            **details,
        )
        for team_id in _teams_in(download)
    ]
    AuditEntry.objects.bulk_create(entries, 500)


def _teams_in(download: Download) -> Sequence[int | None]:
    from accounts.access.models import Grant
    from accounts.access.rights import Can

    person, right = download.person, download.right
    if download.teams is not None:
        return download.teams
    if person.access.provider is not None:
        return [person.access.provider.pk]
    scope = person.access.scope(right)
    if scope.is_everything:
        return [None]
    granted = Grant.objects.received_by(person)  # lists of access contain all of them, also ended ones
    if right != Can.MANAGE_ACCESS:
        granted = granted.active().filter(Q(installation__in=scope.installations) | Q(station__in=scope.stations))
    found = {*scope.teams, *granted.order_by().values_list("team_id", flat=True)}
    if right == Can.SEE_SESSIONS:  # it also contains sessions with the person's own tags at stations of other teams
        tags = person.tags.filter(pk__in=person.access.foreign_tag_ids).order_by()
        found.update(tags.values_list("team_id", flat=True))
    return sorted(found) or [None]


def record_own_data_download(person: Any, name: str) -> None:
    """Record that a user downloaded the data stored about them."""
    changes = {DOWNLOAD: {"list": name, "form": "json", "filters": {}}}
    record_entry(person, actor=person, team_id=team_of(person), changes=changes, action=Action.ACCESS)
