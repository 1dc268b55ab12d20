"""Phone numbers in texts that people typed become links to call them."""

import pytest

from cpms.common.web.formatting import phone_link


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("+49 40 66969-110", '<a href="tel:+494066969110">+49 40 66969-110</a>'),
        ("Kari, +47 (0)55 55 55", 'Kari, <a href="tel:+47555555">+47 (0)55 55 55</a>'),
        ("040/12345 day and night", '<a href="tel:04012345">040/12345</a> day and night'),
        ("ask <b>Kari</b>", "ask &lt;b&gt;Kari&lt;/b&gt;"),
        ("room 12", "room 12"),
    ],
)
def test_the_first_number_can_be_called(text: str, html: str) -> None:
    assert phone_link(text) == html
