"""Write docs/permissions.md from the table of rights that the product uses. A test compares the two."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "permissions.md"
HEAD = """# Permissions

What each role can do, written from `accounts/access/rights.py` by `python tools/permissions.py`. Viewer, operator and
administrator are roles of members, for everything of their team. Owner, user and service are roles through access
granted to an installation or a station, to a person or to another team, perhaps until a date. Members of a team can do
only what both the granted role and their own role in the team allow. Support staff can do everything.
"""
WITHDRAWALS = """
## Revoking access

Who can revoke access, and edit its role or its end (holders can only give it back). Owners can revoke what they granted
themselves and access to charge; what the team granted to owners and service partners can be revoked by the team only.
For access of a team, its administrators are the holders. Support staff can revoke all of it.
"""


def page() -> str:
    """Return the content of docs/permissions.md."""
    from django.utils import translation

    from accounts.access.rights import Revoker, revocation_rules, role_labels, table

    with translation.override("en"):
        head = ["Right", *(str(label) for label in role_labels())]
        rows = [[str(row["right"].label), *("yes" if mark else "no" for mark in row["marks"])] for row in table()]
        columns = ["Access", "Granted by", *(str(label) for label in Revoker.labels)]
        kinds = [
            [str(row["role"].label), str(row["given_by"].label), *("yes" if mark else "no" for mark in row["marks"])]
            for row in revocation_rules()
        ]
    return f"{HEAD}\n{_table(head, rows)}{WITHDRAWALS}\n{_table(columns, kinds)}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *rows))


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.base")
    import django

    django.setup()
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
