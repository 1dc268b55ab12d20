import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder():
    """Not below pytest's own folder: every session that starts closes that to PostgreSQL's user again."""
    with tempfile.TemporaryDirectory(prefix="cpms-crash-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name) / "var"
