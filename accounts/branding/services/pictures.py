"""Pictures that people upload, made anew: what is kept was drawn by us, pixel by pixel, and carries nothing else.

An upload is judged by its header before it is decoded: kind, bytes, pixels. So neither a bomb nor a file that only
calls itself a picture costs anything. Metadata, colour profiles, further frames and what hangs behind are lost.
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
KINDS = ("PNG", "JPEG", "WEBP")
LOGO_SIZES = {"page": (480, 96), "mail": (320, 64)}  # at most so wide and so high, for screens with two dots per pixel
ICON_SIZES = {"32": 32, "180": 180}  # tab of a browser, home screen of a telephone


@dataclass(frozen=True, slots=True)
class Made:
    """One size of a picture, as PNG."""

    content: bytes
    width: int
    height: int


def logo_from(upload: bytes) -> dict[str, Made]:
    """A logo in the sizes of LOGO_SIZES; a small one is not made larger.

    Raises:
        DomainError: this is no picture that we take; the sentence says why.
    """
    picture = _read(upload)
    made = {}
    for name, most in LOGO_SIZES.items():
        smaller = picture.copy()
        smaller.thumbnail(most, Image.Resampling.LANCZOS)
        made[name] = _png(smaller)
    return made


def icon_from(upload: bytes) -> dict[str, Made]:
    """A square icon in the sizes of ICON_SIZES. What is not square gets empty margins; the one for telephones a white
    ground, since they would make it black.

    Raises:
        DomainError: this is no picture that we take; the sentence says why.
    """
    picture = _read(upload)
    made = {}
    for name, side in ICON_SIZES.items():
        square = ImageOps.pad(picture, (side, side), Image.Resampling.LANCZOS, color=(0, 0, 0, 0))
        if name == "180":
            ground = Image.new("RGBA", square.size, "white")
            square = Image.alpha_composite(ground, square)
        made[name] = _png(square)
    return made


def _read(upload: bytes) -> Image.Image:
    if len(upload) > MAX_BYTES:
        _refuse(_("The file is larger than %(most)d MB.") % {"most": MAX_BYTES // 1024**2})
    if _is_svg(upload):
        _refuse(_("SVG files can carry programs and are not taken. Please export the picture as PNG."))
    try:
        picture = Image.open(io.BytesIO(upload), formats=KINDS)
    except Exception:  # whatever a decoder may say of what it does not know
        _refuse(_("This is no picture. PNG, JPEG and WebP are taken."))
    width, height = picture.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        _refuse(_("The picture has too many pixels: at most %(most)d each way.") % {"most": MAX_SIDE})
    if min(width, height) < MIN_SIDE:
        _refuse(_("The picture is too small: at least %(least)d pixels each way.") % {"least": MIN_SIDE})
    try:
        picture.load()
        return ImageOps.exif_transpose(picture).convert("RGBA")
    except Exception:
        _refuse(_("The picture is damaged."))


def _png(picture: Image.Image) -> Made:
    clean = Image.frombytes("RGBA", picture.size, picture.tobytes())  # without what Pillow remembers of the file
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return Made(out.getvalue(), *clean.size)


def _is_svg(upload: bytes) -> bool:
    return re.search(rb"<\s*(?:svg|!doctype svg)", upload[:4096].replace(b"\0", b""), re.IGNORECASE) is not None


def _refuse(sentence: str) -> NoReturn:
    raise DomainError(sentence)
