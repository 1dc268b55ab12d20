"""Render uploaded pictures again from their pixels, so that nothing else of the file is stored.

Format, file size and dimensions are checked from the header before an upload is decoded, which protects against
decompression bombs and disguised files. Metadata, colour profiles, further frames and trailing data are dropped.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import NoReturn

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from cpms.common.errors import DomainError

MAX_BYTES = 1024 * 1024
MAX_SIDE = 4096  # pixels
MAX_PIXELS = 8_000_000
MIN_SIDE = 16
FILE_FORMATS = ("PNG", "JPEG", "WEBP")
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
    picture = _read(upload)
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
    picture = _read(upload)
    sizes = {}
    for name, side in ICON_SIZES.items():
        square = ImageOps.pad(picture, (side, side), Image.Resampling.LANCZOS, color=(0, 0, 0, 0))
        if name == "180":
            background = Image.new("RGBA", square.size, "white")
            square = Image.alpha_composite(background, square)
        sizes[name] = _png(square)
    return sizes


def _read(upload: bytes) -> Image.Image:
    if len(upload) > MAX_BYTES:
        _refuse(_("The file is larger than %(most)d MB.") % {"most": MAX_BYTES // 1024**2})
    if _is_svg(upload):
        _refuse(_("SVG files are not accepted because they can contain scripts. Export the picture as PNG."))
    try:
        picture = Image.open(io.BytesIO(upload), formats=FILE_FORMATS)
    except Exception:  # decoders raise many kinds of errors
        _refuse(_("This is not a picture. Upload a PNG, JPEG or WebP file."))
    width, height = picture.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        _refuse(_("The picture is too large: at most %(most)d pixels in each direction.") % {"most": MAX_SIDE})
    if min(width, height) < MIN_SIDE:
        _refuse(_("The picture is too small: at least %(least)d pixels in each direction.") % {"least": MIN_SIDE})
    try:
        picture.load()
        return ImageOps.exif_transpose(picture).convert("RGBA")
    except Exception:
        _refuse(_("The picture is damaged."))


def _png(picture: Image.Image) -> RenderedPicture:
    clean = Image.frombytes("RGBA", picture.size, picture.tobytes())  # without metadata that Pillow keeps of the file
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return RenderedPicture(out.getvalue(), *clean.size)


def _is_svg(upload: bytes) -> bool:
    return re.search(rb"<\s*(?:svg|!doctype svg)", upload[:4096].replace(b"\0", b""), re.IGNORECASE) is not None


def _refuse(message: str) -> NoReturn:
    raise DomainError(message)
