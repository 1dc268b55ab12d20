from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from cpms.common.errors import DomainError
from cpms.common.scripting import ScriptCommand
from cpms.demo import data as demo


class Command(ScriptCommand):
    help = "Load demo data: two teams, a user for each role, and two months of station activity. Can be run repeatedly."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--even-in-production",
            action="store_true",
            dest="is_allowed",
            help="load it even with PostgreSQL or Redis, although the passwords are publicly known",
        )

    def run(self, *, is_allowed: bool, **options: Any) -> None:
        if settings.IS_PRODUCTION and not is_allowed:
            raise DomainError(
                _("The demo's passwords are publicly known. To load it anyway, use --even-in-production.")
            )
        loaded = demo.load()
        logins = [
            {"email": login.email, "password": demo.PASSWORD, "role": login.role, "is_staff": login.is_staff}
            for login in demo.LOGINS
        ]
        width = max(len(login.email) for login in demo.LOGINS)
        lines = [f"Sign in with the password {demo.PASSWORD} as"] + [
            f"  {login.email:<{width}}  {login.title}" for login in demo.LOGINS
        ]
        self.show({**loaded, "logins": logins}, "\n".join(lines))
