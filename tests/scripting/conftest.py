"""Commands as a script sees them: what they print, and their exit code."""

import io
import json

import pytest
from django.core.management import call_command


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        return json.loads(self.err.splitlines()[-1])["error"]


@pytest.fixture
def manage(db):
    def run(*words: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(*words, stdout=out, stderr=err)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())

    return run
