from typing import Any

from django.core.management.base import CommandParser

from accounts import services
from cpms.common.scripting import ScriptCommand


class Command(ScriptCommand):
    help = "Issue an API token for a person and print its key, which cannot be seen again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--name", default="script", help="what the token is for")

    def run(self, *, email: str, name: str, **options: Any) -> None:
        user = services.find_person(email)
        token, key = services.issue_api_token(user=user, name=name)
        self.show({"user": user.email, "name": token.name, "prefix": token.prefix, "key": key}, key)
