"""Contrast of colours, and readable variants of a team's colours for light and dark pages.

Colours are strings like #0b6e4f. The rule and its constants come from WCAG 2.2, success criterion 1.4.3 and the
definitions of relative luminance and of contrast ratio.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cpms.common.web.formatting import number

MIN_CONTRAST = 4.5
STEPS = 512  # of lightness between black and white
TINT = 0.1  # share of the accent in the background of the current menu entry (shell.css)
HEX = re.compile(r"#[0-9a-f]{6}")


def is_colour(text: str) -> bool:
    return HEX.fullmatch(text) is not None


def channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, each from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour: 0 for black, 1 for white."""
    red, green, blue = (_linear(value / 255) for value in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def ratio(one: str, other: str) -> float:
    """Return the contrast ratio of two colours: 1 for the same colour, 21 for black and white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def blend(colour: str, ground: str, share: float) -> str:
    """Return the colour that results when `colour` is painted over `ground` with the opacity `share`."""
    pairs = zip(channels(colour), channels(ground), strict=True)
    return "#" + "".join(f"{round(over * share + under * (1 - share)):02x}" for over, under in pairs)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours that a page derives from an accent."""

    accent: str
    text: str  # text on the accent
    link: str  # the accent, adjusted to be readable on every background

    @property
    def rgb(self) -> str:
        return ", ".join(map(str, channels(self.accent)))

    @property
    def link_rgb(self) -> str:
        return ", ".join(map(str, channels(self.link)))


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours that an accent must be readable with. They must match static/css/tokens.css."""

    text: str
    page: tuple[str, ...]  # backgrounds of the page and its cards
    more: tuple[str, ...]  # other backgrounds of links
    is_dark: bool

    def on_button(self, accent: str) -> float:
        return ratio(self.text, accent)

    def on_page(self, accent: str) -> float:
        return min(ratio(accent, ground) for ground in self.page)

    def passes(self, accent: str) -> bool:
        return min(self.on_button(accent), self.on_page(accent)) >= MIN_CONTRAST

    def nearest_passing(self, accent: str) -> str:
        """Return the colour of the same hue that passes and is closest in lightness; the colour itself if it passes."""
        return self._adjust_lightness(accent, self.passes)

    def palette(self, accent: str) -> Palette:
        """Return the palette of an accent that passes."""
        grounds = (*self.page, *self.more, *(blend(accent, ground, TINT) for ground in self.page))
        link = self._adjust_lightness(
            accent, lambda colour: min(ratio(colour, ground) for ground in grounds) >= MIN_CONTRAST
        )
        return Palette(accent=accent, text=self.text, link=link)

    def explain_failure(self, accent: str) -> str:
        """Return why a colour does not pass, and the closest one that does; empty if it passes."""
        if not is_colour(accent) or self.passes(accent):
            return ""
        where = _("On dark pages") if self.is_dark else _("On light pages")
        contrast = min(self.on_button(accent), self.on_page(accent))
        shown = int(contrast * 100) / 100  # rounded down, so that it never seems to pass
        values = {
            "where": where,
            "ratio": number(shown, 2),
            "least": number(MIN_CONTRAST, 1),
            "colour": self.nearest_passing(accent),
        }
        sentence = _(
            "%(where)s its contrast is %(ratio)s:1 and must be %(least)s:1. The closest that passes is %(colour)s."
        )
        return sentence % values

    def _adjust_lightness(self, colour: str, passes: Callable[[str], bool]) -> str:
        if passes(colour):
            return colour
        red, green, blue = (value / 255 for value in channels(colour))
        hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
        start = round(lightness * STEPS)
        for step in range(start, STEPS + 1) if self.is_dark else range(start, -1, -1):
            shifted = colorsys.hls_to_rgb(hue, step / STEPS, saturation)
            candidate = "#" + "".join(f"{round(value * 255):02x}" for value in shifted)
            if passes(candidate):
                return candidate
        return "#ffffff" if self.is_dark else "#000000"


LIGHT = Theme(text="#ffffff", page=("#f7f8fa", "#ffffff"), more=("#f3f4f8", "#eef0f4"), is_dark=False)
DARK = Theme(text="#0e1116", page=("#0e1116", "#151a21"), more=("#1b212a", "#212834"), is_dark=True)


def palettes(accent: str, accent_dark: str = "") -> tuple[Palette, Palette]:
    """Return readable palettes for light and for dark pages.

    Args:
        accent: the accent of light pages; without `accent_dark` both palettes are derived from it.
    """
    return LIGHT.palette(LIGHT.nearest_passing(accent)), DARK.palette(DARK.nearest_passing(accent_dark or accent))
