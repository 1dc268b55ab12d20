"""German pages show no OCPP or code identifiers, no UTC times and no constraint names."""

import re
from html.parser import HTMLParser

import pytest

from accounts.models import User
from chargers.protocols import error_codes
from chargers.vocabulary import SecurityEventKind
from tests.routes import FOUND, address, keys_of, line_of

pytestmark = pytest.mark.django_db
CAMEL = re.compile(r"\b(?:[A-Z][a-z]+){2,}\b|\b[a-z]+(?:_[a-z]+)+\b")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[^ ]*(?:Z|\+00:00)")
# Names of places, laws and products, technical terms, and codes shown beside their translation.
KNOWN = re.compile(
    r"\w+/\w+(/\w+)?|McDonaldinseln|USt-IdNr|ChargeBox|KeContact|BusinessLine|"
    + "|".join([*SecurityEventKind.values, *error_codes(), "StatusNotification", "PropertyConstraintViolation"])
)
NOT_READ = {"script", "style", "pre", "code", "svg", "template"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Texts(HTMLParser):
    """Collects the visible texts of a page except code, including labels of buttons and fields."""

    def __init__(self):
        super().__init__()
        self.open, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in VOID:
            is_skipped = tag in NOT_READ or "mono" in (found.get("class") or "").split()
            self.open.append((tag, is_skipped))
        self.texts += [found[name] for name in ("aria-label", "placeholder", "alt") if found.get(name)]

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if data.strip() and not any(skipped for _tag, skipped in self.open):
            self.texts.append(data.strip())


def texts_of(html):
    parser = Texts()
    parser.feed(html)
    return parser.texts


def test_german_pages_have_no_words_of_the_code(world):
    User.objects.update(language="de")
    browser, odd, seen = world.browser_of("administrator"), {}, 0
    for name in FOUND:
        if name.startswith(("api:", "admin:")) or not line_of(name):
            continue
        answer = browser.get(address(name, keys_of(world.rows)))
        if answer.status_code != 200 or not answer.get("Content-Type", "").startswith("text/html"):
            continue
        seen += 1
        texts = [KNOWN.sub("", text) for text in texts_of(answer.content.decode())]
        if found := [text for text in texts if CAMEL.search(text) or UTC_TIME.search(text)]:
            odd[name] = found
    assert odd == {}
    assert seen > 60
