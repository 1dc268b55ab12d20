"""Documents refer only to files that exist."""

import re

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
FOLDERS = "tests|accounts|chargers|sessions|operations|maintenance|ocpp_gateway|cpms|templates|tools|docs|docker"
PATHS = re.compile(rf"`((?:{FOLDERS})/[\w/.-]+(?:\.\w+|/))`")
LINKS = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name != "CHANGELOG.md"  # it names files of its time
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_exist(document):
    text = (ROOT / document).read_text()
    assert [path for path in PATHS.findall(text) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_of_a_document_lead_somewhere(document):
    path = ROOT / document
    assert [link for link in LINKS.findall(path.read_text()) if not (path.parent / link).exists()] == []
