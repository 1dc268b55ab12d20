"""Base of the management commands for scripts: JSON output, readable errors, and tables created on first use.

Commands only write rows, which running servers pick up, so they work with and without a running server.
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
TABLES_SECONDS = 30.0  # time for another process that creates the tables without our lock
MIGRATION_LOCK = 4_716_002  # an arbitrary number that nothing else locks
MAX_COUNT = 1_000_000
BATCH_SIZE = 1000
T = TypeVar("T")
NUMBER_PLACEHOLDER = re.compile(r"\{n(?::0?(\d{1,2})d)?\}")


class ScriptCommand(BaseCommand):
    """A command for use in scripts. A subclass implements `run` and prints its result with `show`."""

    requires_system_checks: list[str] = []  # for speed: servers run the checks
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
        except BrokenPipeError:  # the reader of our output closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OperationalError as error:
            self.fail(_("The database cannot be used: %(cause)s") % {"cause": str(error).strip()})

    def run(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError

    def show(self, document: dict[str, Any], sentence: str) -> None:
        """Print the result: as JSON if requested, otherwise as a sentence."""
        self.stdout.write(json.dumps(document, ensure_ascii=False) if self.as_json else sentence)

    def fail(self, sentence: str, *, fields: dict[str, str] | None = None) -> NoReturn:
        if self.as_json:
            document: dict[str, Any] = {"error": sentence} | ({"fields": fields} if fields else {})
            self.stderr.write(json.dumps(document, ensure_ascii=False), style_func=str)
        else:
            self.stderr.write(sentence)
        sys.exit(1)


def numbered(pattern: str, count: int | None) -> list[str]:
    """Return the names for `--count`: `{n}` or `{n:06d}` is replaced by 1 to N. Without a count, return the text as is.

    Raises:
        DomainError: the count is out of range, or all names would be the same.
    """
    if count is None:
        return [pattern]
    if not 1 <= count <= MAX_COUNT:
        sentence = _("The count must be from 1 to %(most)d.") % {"most": MAX_COUNT}
        raise DomainError(sentence, fields={"count": sentence})
    if not NUMBER_PLACEHOLDER.search(pattern) and count > 1:
        sentence = _("With a count, the name must contain {n} or {n:06d}.")
        raise DomainError(sentence, fields={"count": sentence})
    return [_with_number(pattern, number) for number in range(1, count + 1)]


def _with_number(pattern: str, number: int) -> str:
    return NUMBER_PLACEHOLDER.sub(lambda match: str(number).zfill(int(match[1] or 0)), pattern)


def split_into_batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield items in batches small enough that running servers do not wait long to write."""
    for start in range(0, len(items), BATCH_SIZE):
        yield items[start : start + BATCH_SIZE]


def ensure_tables() -> None:
    """Create the tables of a new database, or wait while another process does. An old database needs `migrate`.

    Raises:
        DomainError: tables are missing in a database that is not new.
    """
    if not _missing_tables():
        return
    with _migration_lock():
        if "django_migrations" not in _tables():
            call_command("migrate", verbosity=0, interactive=False, stdout=sys.stderr)
            return
    deadline = time.monotonic() + TABLES_SECONDS
    while _missing_tables():
        if time.monotonic() > deadline:
            raise DomainError(_("The database schema is out of date: run “manage.py migrate” first."))
        time.sleep(0.2)


def _tables() -> set[str]:
    with connection.cursor() as cursor:
        return {table.name for table in connection.introspection.get_table_list(cursor)}


def _missing_tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models() if model._meta.managed} - _tables()


@contextlib.contextmanager
def _migration_lock() -> Iterator[None]:
    """Let only one process create the tables: several commands may start on a new database at once."""
    if connection.vendor != "postgresql":
        with (settings.VAR_DIR / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with connection.cursor() as cursor:
        deadline = time.monotonic() + MIGRATION_SECONDS
        while not _try_lock(cursor):  # polls, since waiting in the database is limited by lock_timeout
            if time.monotonic() > deadline:
                raise DomainError(_("Another process is taking too long to create the tables."))
            time.sleep(0.2)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _try_lock(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK])
    return bool(cursor.fetchone()[0])
