from typing import Any

from django.core.management.base import CommandParser

from accounts.teams import services
from cpms.common.scripting import ScriptCommand


class Command(ScriptCommand):
    help = "Add a team (the tenant that owns stations), or rename it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("handle", metavar="HANDLE", help="short name: letters, digits, hyphens, underscores")
        parser.add_argument("--name", default="", help="display name; defaults to the handle")

    def run(self, *, handle: str, name: str, **options: Any) -> None:
        team, is_new = services.add_team(handle=handle, name=name)
        self.show(
            {"created": int(is_new), "updated": int(not is_new), "team": team.handle, "name": team.name},
            f"Team {team.handle} ({team.name}) {'was added' if is_new else 'exists'}.",
        )
