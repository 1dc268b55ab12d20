"""Write the set-up of a team to a file."""

import json
from typing import Any

import yaml
from django.core.management.base import CommandParser

from accounts.teams.services import find_team
from cpms.common.scripting import ScriptCommand
from cpms.setup.services import export_setup


class Command(ScriptCommand):
    help = "Print the set-up of a team as YAML, or as JSON with --json. apply_setup reads it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--team", required=True, metavar="HANDLE")
        parser.add_argument(
            "--with-passwords", action="store_true", help="include station passwords that are not stored as hashes"
        )

    def run(self, *, team: str, with_passwords: bool, **options: Any) -> None:
        document = export_setup(team=find_team(team), with_passwords=with_passwords)
        if self.as_json:
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
            return
        self.stdout.write(yaml.dump(document, Dumper=QuotingDumper, sort_keys=False, allow_unicode=True), ending="")


class QuotingDumper(yaml.SafeDumper):
    """Quotes every text, so that any YAML reader returns "NO" and "04E2" as texts."""

    def represent_str(self, data: str) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"')


QuotingDumper.add_representer(str, QuotingDumper.represent_str)
