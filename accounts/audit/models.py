"""Entries of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.audit.context import add_request_details, team_of
from accounts.teams.models import Team, TeamOwnedQuerySet


class AuditQuerySet(TeamOwnedQuerySet):
    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Entries of the audit log are never deleted.")

    def update(self, **fields: Any) -> int:
        raise TypeError("Entries of the audit log are never changed.")

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """Allow texts of entries to be replaced inside the block. Otherwise a trigger of PostgreSQL refuses it."""
        with transaction.atomic():
            _set_erasing("on")
            yield
            _set_erasing("off")

    def pseudonymise(self, **texts: Any) -> int:
        """Replace texts that identify an erased person. The action, its time and its object stay."""
        return models.QuerySet.update(self, **texts)


def _set_erasing(value: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('cpms.erasing', %s, true)", [value])


class AuditManager(LogEntryManager.from_queryset(AuditQuerySet)):  # type: ignore[misc]
    """Complete the entries of django-auditlog with the actor, the client's address and the team."""

    def create(self, **fields: Any) -> Any:
        return super().create(**add_request_details(fields))

    def log_create(self, instance: Any, force_log: bool = False, **fields: Any) -> Any:
        return super().log_create(instance, force_log, **fields | {"team_id": team_of(instance)})

    def log_m2m_changes(
        self, changed_queryset: Any, instance: Any, operation: str, field_name: str, **fields: Any
    ) -> Any:
        fields["team_id"] = team_of(instance)
        return super().log_m2m_changes(changed_queryset, instance, operation, field_name, **fields)


class AuditEntry(AbstractLogEntry):
    """A record of who did what, when, from where and to which object."""

    team = models.ForeignKey(
        Team, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+", verbose_name=_("team")
    )
    objects = AuditManager()

    class Meta(AbstractLogEntry.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["team", "-id"], name="audit_team_newest")]
        verbose_name, verbose_name_plural = _("audit entry"), _("audit log")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Entries of the audit log are never deleted.")
