import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder():
    """Return a folder that PostgreSQL's user can read; pytest makes its own temporary folders private."""
    with tempfile.TemporaryDirectory(prefix="cpms-crash-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name) / "var"
