from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.access.rights import ApiScope
from accounts.people import services as people_services
from accounts.programs.services import tokens
from cpms.common.scripting import ScriptCommand

MAX_DAYS = 36_500


class Command(ScriptCommand):
    help = "Issue an API token for a user and print its key, which cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--name", default="script", help="what the token is for")
        parser.add_argument(
            "--days", type=int, metavar="N", help="days until it expires; by default it does not expire"
        )
        parser.add_argument(
            "--scope",
            nargs="+",
            action="extend",
            default=[],
            choices=ApiScope.values,
            help="scopes that limit the token; by default it is not limited",
        )

    def run(self, *, email: str, name: str, days: int | None, scope: list[str], **options: Any) -> None:
        user = people_services.find_person(email)
        expires_at = None if days is None else timezone.now() + timedelta(days=max(-1, min(days, MAX_DAYS)))
        token, key = tokens.issue_api_token(user=user, name=name, expires_at=expires_at, scopes=scope)
        fields = {"user": user.email, "name": token.name, "prefix": token.prefix, "scopes": token.scopes}
        expiry = None if expires_at is None else expires_at.isoformat(timespec="seconds")
        self.show(fields | {"expires_at": expiry, "key": key}, key)
