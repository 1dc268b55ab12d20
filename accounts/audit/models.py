"""The audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.audit.context import complete, team_of
from accounts.teams.models import OfTeamQuerySet, Team


class AuditQuerySet(OfTeamQuerySet):
    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Entries of the audit trail are never deleted.")

    def update(self, **facts: Any) -> int:
        raise TypeError("Entries of the audit trail are never changed.")

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """Let texts of entries be replaced until the block ends; on PostgreSQL a trigger refuses it otherwise."""
        with transaction.atomic():
            _say_erasing("on")
            yield
            _say_erasing("off")

    def pseudonymise(self, **texts: Any) -> int:
        """Replace texts that tell who a person was who is erased. What was done, when and to what stays."""
        return models.QuerySet.update(self, **texts)


def _say_erasing(word: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('cpms.erasing', %s, true)", [word])


class AuditManager(LogEntryManager.from_queryset(AuditQuerySet)):  # type: ignore[misc]
    """What django-auditlog finds changed is completed: by whom, from where, and whose it is."""

    def create(self, **facts: Any) -> Any:
        return super().create(**complete(facts))

    def log_create(self, instance: Any, force_log: bool = False, **facts: Any) -> Any:
        return super().log_create(instance, force_log, **facts | {"team_id": team_of(instance)})

    def log_m2m_changes(
        self, changed_queryset: Any, instance: Any, operation: str, field_name: str, **facts: Any
    ) -> Any:
        facts["team_id"] = team_of(instance)
        return super().log_m2m_changes(changed_queryset, instance, operation, field_name, **facts)


class AuditEntry(AbstractLogEntry):
    """Who did what, when, from where, on which object."""

    team = models.ForeignKey(
        Team, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+", verbose_name=_("team")
    )
    objects = AuditManager()

    class Meta(AbstractLogEntry.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["team", "-id"], name="audit_team_newest")]
        verbose_name, verbose_name_plural = _("entry of the audit trail"), _("audit trail")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Entries of the audit trail are never deleted.")
