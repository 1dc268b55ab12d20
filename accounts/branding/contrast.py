"""Contrast of colours after WCAG 2.2, and colours of a team that can be read in light and in dark.

Colours are texts like #0b6e4f. Source of the rule and of its figures: WCAG 2.2, success criterion 1.4.3 and the
definitions of relative luminance and of contrast ratio.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cpms.common.web.formatting import number

LEAST = 4.5
STEPS = 512  # of lightness between black and white
TINT = 0.1  # how much of the accent is in the background of the current entry (shell.css)
HEX = re.compile(r"#[0-9a-f]{6}")


def is_colour(text: str) -> bool:
    return HEX.fullmatch(text) is not None


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """How light a colour is to the eye: 0 for black, 1 for white."""
    red, green, blue = (_linear(value / 255) for value in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def ratio(one: str, other: str) -> float:
    """Contrast of two colours: 1 for the same, 21 for black and white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mixed(colour: str, ground: str, share: float) -> str:
    """What is seen of a colour that covers another one by a share."""
    pairs = zip(channels(colour), channels(ground), strict=True)
    return "#" + "".join(f"{round(over * share + under * (1 - share)):02x}" for over, under in pairs)


@dataclass(frozen=True, slots=True)
class Palette:
    """What a page takes its accent from."""

    accent: str
    text: str  # on the accent
    link: str  # like the accent, readable on every ground that there is

    @property
    def rgb(self) -> str:
        return ", ".join(map(str, channels(self.accent)))

    @property
    def link_rgb(self) -> str:
        return ", ".join(map(str, channels(self.link)))


@dataclass(frozen=True, slots=True)
class Theme:
    """What the accent must be readable with; the colours are those of static/css/tokens.css."""

    text: str
    page: tuple[str, ...]  # the page and its cards
    more: tuple[str, ...]  # grounds that a link may have besides
    is_dark: bool

    def on_button(self, accent: str) -> float:
        return ratio(self.text, accent)

    def on_page(self, accent: str) -> float:
        return min(ratio(accent, ground) for ground in self.page)

    def passes(self, accent: str) -> bool:
        return min(self.on_button(accent), self.on_page(accent)) >= LEAST

    def nearest(self, accent: str) -> str:
        """The colour of the same hue that passes and is nearest in lightness; the colour itself if it does."""
        return self._move(accent, self.passes)

    def palette(self, accent: str) -> Palette:
        """Of a colour that passes."""
        grounds = (*self.page, *self.more, *(mixed(accent, ground, TINT) for ground in self.page))
        link = self._move(accent, lambda colour: min(ratio(colour, ground) for ground in grounds) >= LEAST)
        return Palette(accent=accent, text=self.text, link=link)

    def sentence(self, accent: str) -> str:
        """Why a colour does not pass, and which one does; empty if it passes."""
        if not is_colour(accent) or self.passes(accent):
            return ""
        where = _("On dark pages") if self.is_dark else _("On light pages")
        found = min(self.on_button(accent), self.on_page(accent))
        shown = int(found * 100) / 100  # never rounded up to what it is not
        told = {"where": where, "ratio": number(shown, 2), "least": number(LEAST, 1), "colour": self.nearest(accent)}
        return (
            _("%(where)s its contrast is %(ratio)s:1 and must be %(least)s:1. The nearest that passes is %(colour)s.")
            % told
        )

    def _move(self, colour: str, passes: Callable[[str], bool]) -> str:
        if passes(colour):
            return colour
        red, green, blue = (value / 255 for value in channels(colour))
        hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
        start = round(lightness * STEPS)
        for step in range(start, STEPS + 1) if self.is_dark else range(start, -1, -1):
            made = colorsys.hls_to_rgb(hue, step / STEPS, saturation)
            found = "#" + "".join(f"{round(value * 255):02x}" for value in made)
            if passes(found):
                return found
        return "#ffffff" if self.is_dark else "#000000"


LIGHT = Theme(text="#ffffff", page=("#f7f8fa", "#ffffff"), more=("#f3f4f8", "#eef0f4"), is_dark=False)
DARK = Theme(text="#0e1116", page=("#0e1116", "#151a21"), more=("#1b212a", "#212834"), is_dark=True)


def palettes(accent: str, accent_dark: str = "") -> tuple[Palette, Palette]:
    """The colours of light and of dark pages.

    Args:
        accent: of light pages; where there is no second one, both are derived from it.
    """
    return LIGHT.palette(LIGHT.nearest(accent)), DARK.palette(DARK.nearest(accent_dark or accent))
