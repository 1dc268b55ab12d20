"""What the commands for scripts share: one JSON document, errors as a sentence, a database that has its tables.

They write rows, and rows are all that running servers look at: a command works beside them as it does alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection
from django.utils.translation import gettext as _

from cpms.common.errors import DomainError

MIGRATION_SECONDS = 120.0
OTHERS_SECONDS = 30.0  # for a server that makes the tables without our lock
MIGRATION_LOCK = 4_716_002  # any number that nothing else locks
MAX_AT_ONCE = 1_000_000
PORTION = 1000
T = TypeVar("T")
PLACE = re.compile(r"\{n(?::0?(\d{1,2})d)?\}")


class ScriptCommand(BaseCommand):
    """A command for other programs: a subclass does its work in `run` and prints the outcome with `show`."""

    requires_system_checks: list[str] = []  # quick: servers have checked
    as_json = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options.pop("as_json")
        try:
            ensure_tables()
            self.run(**options)
        except DomainError as error:
            self.fail(str(error), fields=error.fields)
        except BrokenPipeError:  # who read our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OperationalError as error:
            self.fail(_("The database cannot be used: %(cause)s") % {"cause": str(error).strip()})

    def run(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError

    def show(self, document: dict[str, Any], sentence: str) -> None:
        """Print the outcome: as JSON where it was asked for, as a sentence otherwise."""
        self.stdout.write(json.dumps(document, ensure_ascii=False) if self.as_json else sentence)

    def fail(self, sentence: str, *, fields: dict[str, str] | None = None) -> NoReturn:
        if self.as_json:
            document: dict[str, Any] = {"error": sentence} | ({"fields": fields} if fields else {})
            self.stderr.write(json.dumps(document, ensure_ascii=False), style_func=str)
        else:
            self.stderr.write(sentence)
        sys.exit(1)


def numbered(pattern: str, count: int | None) -> list[str]:
    """The names that `--count` asks for: `{n}` or `{n:06d}` becomes 1 to N. Without a count the text is meant as it is.

    Raises:
        DomainError: the count is not in range, or would give the same name again and again.
    """
    if count is None:
        return [pattern]
    if not 1 <= count <= MAX_AT_ONCE:
        sentence = _("The count must be from 1 to %(most)d.") % {"most": MAX_AT_ONCE}
        raise DomainError(sentence, fields={"count": sentence})
    if not PLACE.search(pattern) and count > 1:
        sentence = _("With a count there must be {n} or {n:06d} in the name.")
        raise DomainError(sentence, fields={"count": sentence})
    return [_with_number(pattern, number) for number in range(1, count + 1)]


def _with_number(pattern: str, number: int) -> str:
    return PLACE.sub(lambda place: str(number).zfill(int(place[1] or 0)), pattern)


def portions(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """So many at once that servers beside us do not wait long for their turn to write."""
    for begin in range(0, len(items), PORTION):
        yield items[begin : begin + PORTION]


def ensure_tables() -> None:
    """Make the tables of a fresh database; wait for who is making them. An old database is left to `migrate`.

    Raises:
        DomainError: tables are missing although the database was used before.
    """
    if not _missing_tables():
        return
    with _alone():
        if "django_migrations" not in _tables():
            call_command("migrate", verbosity=0, interactive=False, stdout=sys.stderr)
            return
    deadline = time.monotonic() + OTHERS_SECONDS
    while _missing_tables():
        if time.monotonic() > deadline:
            raise DomainError(_("The database is older than this program: run “manage.py migrate” first."))
        time.sleep(0.2)


def _tables() -> set[str]:
    with connection.cursor() as cursor:
        return {table.name for table in connection.introspection.get_table_list(cursor)}


def _missing_tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models() if model._meta.managed} - _tables()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process at a time makes the tables: several commands may meet on a fresh database."""
    if connection.vendor != "postgresql":
        with (settings.VAR_DIR / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with connection.cursor() as cursor:
        deadline = time.monotonic() + MIGRATION_SECONDS
        while not _try_lock(cursor):  # asked again and again, since waiting in the database ends with lock_timeout
            if time.monotonic() > deadline:
                raise DomainError(_("Another process has been making the tables for too long."))
            time.sleep(0.2)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _try_lock(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK])
    return bool(cursor.fetchone()[0])
