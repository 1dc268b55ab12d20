"""Contrast after WCAG 2.2, and colours that are made readable (P11)."""

import re

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from accounts.branding.contrast import DARK, LIGHT, MIN_CONTRAST, luminance, palettes, ratio

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),  # the well-known grey that just fails
        ("#767676", "#ffffff", 4.54),  # and the one that just passes
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
        ("#ffff00", "#000000", 19.56),
    ],
)
def test_known_pairs_have_their_known_contrast(one, other, known):
    """P11."""
    assert ratio(one, other) == pytest.approx(known, abs=0.005)
    assert ratio(one, other) == ratio(other, one)


def test_luminance_goes_from_black_to_white():
    """P11."""
    assert (luminance("#000000"), luminance("#ffffff")) == (0, pytest.approx(1))


@given(COLOURS)
def test_any_colour_becomes_readable_in_both_themes(colour):
    """P11: words on it, itself on the page, and links on every ground."""
    light, dark = palettes(colour)
    for theme, palette in ((LIGHT, light), (DARK, dark)):
        assert ratio(palette.accent, palette.text) >= MIN_CONTRAST
        for ground in theme.page:
            assert ratio(palette.accent, ground) >= MIN_CONTRAST
        for ground in (*theme.page, *theme.more):
            assert ratio(palette.link, ground) >= MIN_CONTRAST


@given(COLOURS)
def test_what_passes_stays_as_it_is(colour):
    """P11."""
    for theme in (LIGHT, DARK):
        if theme.passes(colour):
            assert theme.nearest_passing(colour) == colour and not theme.explain_failure(colour)
        else:
            assert theme.nearest_passing(colour) in theme.explain_failure(colour)


def test_the_sentence_says_the_ratio_and_what_would_do():
    """P11: a ratio is never rounded up to what it is not."""
    sentence = LIGHT.explain_failure("#777777")
    assert "4.21:1" in sentence and "must be 4.5:1" in sentence
    nearest = re.search(r"#[0-9a-f]{6}", sentence)[0]
    assert LIGHT.passes(nearest) and abs(int(nearest[1:3], 16) - 0x77) < 8
    assert "On dark pages" in DARK.explain_failure("#101010")


def test_grounds_are_those_of_the_stylesheet():
    """P11: who changes a colour of the page changes what is checked."""
    text = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()
    light, dark = text.split('[data-bs-theme="dark"] {')
    for theme, part in ((LIGHT, light), (DARK, dark)):
        told = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", part))
        full = {
            name: value if len(value) == 7 else "#" + "".join(c * 2 for c in value[1:]) for name, value in told.items()
        }
        assert theme.page == (full["tblr-body-bg"], full["tblr-bg-surface"])
        assert theme.more == (full["row-hover"], full["chip"])
        assert theme.text == full["tblr-primary-fg"]
