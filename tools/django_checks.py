"""Ask Django twice, started once: is a migration missing, and is the system fit for production?"""

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
    except SystemExit:  # it has printed which ones
        code = 1
    try:
        call_command("check", deploy=True, fail_level="WARNING")
    except CommandError as error:  # also SystemCheckError, which lists what is wrong
        print(error)
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
