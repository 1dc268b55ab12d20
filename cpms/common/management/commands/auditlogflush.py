"""Overrides a command of django-auditlog that deletes the whole audit log, which must never happen here."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Refuses: entries of the audit log are never deleted."

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError("Entries of the audit log are never deleted.")
