"""The audit log: which models it follows, and which request made a change.

Only what people decide is followed. What stations report is not: a gateway that wrote a second row for each of their
messages would be half as fast. A save that names none of the fields below costs nothing.
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


FOLLOWED: dict[type[Model], frozenset[str]] = {}


def follow(model: type[Model], fields: Sequence[str], *, secrets: Sequence[str] = (), many: Sequence[str] = ()) -> None:
    """Write down who makes, changes and deletes rows of a model.

    Args:
        fields: whose changes are written down.
        secrets: those of which only that they changed is.
        many: many-to-many fields.
    """
    FOLLOWED[model] = frozenset([*fields, *secrets])
    auditlog._signals[pre_save] = _log_update
    auditlog.register(
        model,
        include_fields=[*fields, *secrets],
        mask_fields=list(secrets),
        mask_callable="accounts.audit.services.hide",
        m2m_fields=set(many),
    )


class Action(IntEnum):
    """What django-auditlog calls them."""

    CREATE, UPDATE, DELETE, ACCESS = range(4)


def hide(value: str) -> str:
    return HIDDEN if value not in ("", "None") else ""


def _log_update(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    """A save of other fields does not even read the row as it was."""
    names = kwargs.get("update_fields")
    if names is None or FOLLOWED.get(sender, frozenset()).intersection(names):
        log_update(sender, instance, **kwargs)


def note(row: Model, *, actor: Any, team_id: int | None, changes: dict[str, Any], action: Action) -> None:
    """Write down by hand what no saved field tells."""
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


def note_added(rows: Sequence[Model], *, actor: Any, team_id: int) -> None:
    """The same for rows that were made at once."""
    from accounts.audit.context import complete
    from accounts.audit.models import AuditEntry

    if not rows:
        return
    facts = complete({"actor": actor, "actor_email": actor.signature if actor is not None else None})
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
            **facts,
        )
        for row in rows
    ]
    AuditEntry.objects.bulk_create(entries, 500)


DOWNLOAD = "download"  # under which an entry says what was downloaded


def note_download(download: Download) -> None:
    """Record who exports which list: once for each team whose rows could be in the file, so that its administrators
    see it. An export of all data by support staff concerns no single team and is recorded without one."""
    from accounts.audit.context import complete
    from accounts.audit.models import AuditEntry

    person = download.person
    facts = complete({"actor": person, "actor_email": person.signature})
    told = {"list": download.name, "form": download.form, "filters": download.filters}
    entries = [
        AuditEntry(
            content_type=ContentType.objects.get_for_model(download.model),
            object_pk="",
            object_repr=f"{download.name}.{download.form}",
            action=Action.ACCESS,
            changes={DOWNLOAD: told},
            team_id=team_id,
            **facts,
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
    granted = Grant.objects.held_by(person)  # a list of access has them all, what has ended too
    if right != Can.MANAGE_ACCESS:
        granted = granted.active().filter(Q(installation__in=scope.installations) | Q(station__in=scope.stations))
    found = {*scope.teams, *granted.order_by().values_list("team_id", flat=True)}
    if right == Can.SEE_SESSIONS:  # those with his own tags are in it wherever he charged
        tags = person.tags.filter(pk__in=person.access.foreign_tag_ids).order_by()
        found.update(tags.values_list("team_id", flat=True))
    return sorted(found) or [None]


def note_own_data(person: Any, name: str) -> None:
    """Write down that somebody took away what is kept about himself."""
    told = {DOWNLOAD: {"list": name, "form": "json", "filters": {}}}
    note(person, actor=person, team_id=team_of(person), changes=told, action=Action.ACCESS)
