"""Set up a team from a file."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from accounts.teams.services import find_team
from cpms.common.errors import DomainError
from cpms.common.scripting import ScriptCommand
from cpms.setup.documents import read_document
from cpms.setup.services import apply_setup


class Command(ScriptCommand):
    help = "Bring a team's installations, stations, tags and people to what a file says. Nothing is deleted."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", help="YAML or JSON, see docs/setup.md; - reads standard input")
        parser.add_argument("--team", required=True, metavar="HANDLE")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")

    def run(self, *, file: str, team: str, dry_run: bool, **options: Any) -> None:
        report = apply_setup(document=read_document(_contents(file)), team=find_team(team), is_dry_run=dry_run)
        lines = [
            f"{change.action} {change.kind} {change.name}{': ' + ', '.join(change.fields) if change.fields else ''}"
            for change in report.changes
        ]
        lines += [f"warning: {warning}" for warning in report.warnings]
        if not dry_run:
            lines += [f"password of {identity}: {password}" for identity, password in report.passwords.items()]
        lines.append(f"{len(report.changes)} changes{' (dry run: nothing was saved)' if dry_run else ''}.")
        self.show(report.as_document(is_dry_run=dry_run), "\n".join(lines))


def _contents(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DomainError(_("The file cannot be read: %(cause)s") % {"cause": error}) from None
