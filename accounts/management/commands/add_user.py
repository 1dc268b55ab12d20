from typing import Any

from django.core.management.base import CommandParser

from accounts.access.rights import Role
from accounts.people import services as people_services
from accounts.sign_in.services import enrolment_codes
from accounts.teams import services as teams_services
from cpms.common.scripting import ScriptCommand


class Command(ScriptCommand):
    help = "Add a user to a team, or set the password and role of an existing one."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL", help="e-mail address, used to sign in")
        parser.add_argument("--password", required=True)
        parser.add_argument("--team", required=True, metavar="HANDLE")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument(
            "--staff",
            action="store_true",
            help="support staff: sees every team and can use the admin; prints an enrolment code",
        )

    def run(self, *, email: str, password: str, team: str, role: str, staff: bool, **options: Any) -> None:
        user, is_new = people_services.add_user(
            email=email, password=password, team=teams_services.find_team(team), role=role, is_staff=staff
        )
        fields: dict[str, Any] = {
            "created": int(is_new),
            "updated": int(not is_new),
            "user": user.email,
            "team": team,
            "role": role,
            "is_staff": user.is_staff,
        }
        text = f"{user.email} is {role} of {team}{' and support staff' if user.is_staff else ''}."
        if staff and not enrolment_codes.has_factor(user):
            row, code = enrolment_codes.issue_code(person=user, actor=None)
            until = row.expires_at.isoformat(timespec="seconds")
            fields |= {"enrolment_code": code, "enrolment_code_expires_at": until}
            text += f"\nEnrolment code for the first second factor, valid once until {until}: {code}"
        self.show(fields, text)
