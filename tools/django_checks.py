"""Check for missing migrations, and run Django's deployment checks, in one process."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.base")
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    code = 0
    try:
        call_command("makemigrations", check_changes=True, dry_run=True)
    except SystemExit:  # the command has printed the missing migrations
        code = 1
    try:
        call_command("check", deploy=True, fail_level="WARNING")
    except CommandError as error:  # includes SystemCheckError, which lists the findings
        print(error)
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
