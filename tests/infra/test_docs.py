"""Documents name files that are there."""

import re

import pytest
from django.conf import settings

PATHS = re.compile(r"`((?:tests|accounts|chargers|sessions|operations|maintenance|ocpp_gateway|cpms)/[\w/.-]+\.\w+)`")


@pytest.mark.parametrize("document", sorted(path.name for path in (settings.BASE_DIR / "docs").glob("*.md")))
def test_files_that_a_document_names_exist(document):
    text = (settings.BASE_DIR / "docs" / document).read_text()
    assert [path for path in PATHS.findall(text) if not (settings.BASE_DIR / path).exists()] == []
