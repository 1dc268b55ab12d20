"""Render uploaded logos and icons again from their pixels, in the sizes that pages and mails show."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from cpms.common.web.pictures import Limits, read_picture, without_metadata

MAX_BYTES = 1024 * 1024
MAX_SIDE = 4096  # pixels
MAX_PIXELS = 8_000_000
MIN_SIDE = 16
LIMITS = Limits(MAX_BYTES, MAX_SIDE, MAX_PIXELS, MIN_SIDE)
LOGO_SIZES = {"page": (480, 96), "mail": (320, 64)}  # maximum width and height in pixels, twice the displayed size
ICON_SIZES = {"32": 32, "180": 180}  # browser tab, home screen of a phone


@dataclass(frozen=True, slots=True)
class RenderedPicture:
    """One size of a picture, as PNG."""

    content: bytes
    width: int
    height: int


def render_logo(upload: bytes) -> dict[str, RenderedPicture]:
    """Return a logo in the sizes of LOGO_SIZES. Small ones are not enlarged.

    Raises:
        DomainError: the file is not an acceptable picture.
    """
    picture = read_picture(upload, LIMITS)
    sizes = {}
    for name, max_size in LOGO_SIZES.items():
        smaller = picture.copy()
        smaller.thumbnail(max_size, Image.Resampling.LANCZOS)
        sizes[name] = _png(smaller)
    return sizes


def render_icon(upload: bytes) -> dict[str, RenderedPicture]:
    """Return a square icon in the sizes of ICON_SIZES.

    A picture that is not square gets transparent margins. The icon for phones gets a white background, since phones
    show transparent pixels in black.

    Raises:
        DomainError: the file is not an acceptable picture.
    """
    picture = read_picture(upload, LIMITS)
    sizes = {}
    for name, side in ICON_SIZES.items():
        square = ImageOps.pad(picture, (side, side), Image.Resampling.LANCZOS, color=(0, 0, 0, 0))
        if name == "180":
            background = Image.new("RGBA", square.size, "white")
            square = Image.alpha_composite(background, square)
        sizes[name] = _png(square)
    return sizes


def _png(picture: Image.Image) -> RenderedPicture:
    clean = without_metadata(picture)
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return RenderedPicture(out.getvalue(), *clean.size)
