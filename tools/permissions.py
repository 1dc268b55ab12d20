"""Writes docs/permissions.md from the table that the product decides by; a test compares the two."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "permissions.md"
HEAD = """# Permissions

Who may do what, made from `accounts/rights.py` by `python tools/permissions.py`. Viewer, operator and
administrator are roles of teammates, and count for all that is their team's. Owner, user and service are roles by
access given to an installation or a station, to a person or to another team, perhaps until a date. Access that was
given to a team gives each teammate what both the given role and his own role in that team allow. Support staff may do
everything.
"""


def page() -> str:
    from django.utils import translation

    from accounts.rights import role_labels, table

    with translation.override("en"):
        head = ["Right", *(str(label) for label in role_labels())]
        rows = [[str(row["right"].label), *("yes" if mark else "no" for mark in row["marks"])] for row in table()]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return HEAD + "\n" + "\n".join(lines) + "\n"


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.base")
    import django

    django.setup()
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
