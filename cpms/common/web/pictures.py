"""Read uploaded pictures, so that they can be drawn again and nothing else of the file is stored.

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

FILE_FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an upload may be. Sides are in pixels."""

    max_bytes: int
    max_side: int
    max_pixels: int
    min_side: int = 16


def read_picture(upload: bytes, limits: Limits) -> Image.Image:
    """Return an uploaded picture, turned as its camera was held, in the mode RGBA.

    Raises:
        DomainError: the file is not an acceptable picture.
    """
    if len(upload) > limits.max_bytes:
        _refuse(_("The file is larger than %(most)d MB.") % {"most": limits.max_bytes // 1024**2})
    if _is_svg(upload):
        _refuse(_("SVG files are not accepted because they can contain scripts. Export the picture as PNG."))
    try:
        picture = Image.open(io.BytesIO(upload), formats=FILE_FORMATS)
    except Exception:  # decoders raise many kinds of errors
        _refuse(_("This is not a picture. Upload a PNG, JPEG or WebP file."))
    width, height = picture.size
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        _refuse(_("The picture is too large: at most %(most)d pixels in each direction.") % {"most": limits.max_side})
    if min(width, height) < limits.min_side:
        _refuse(
            _("The picture is too small: at least %(least)d pixels in each direction.") % {"least": limits.min_side}
        )
    try:
        picture.load()
        return ImageOps.exif_transpose(picture).convert("RGBA")
    except Exception:
        _refuse(_("The picture is damaged."))


def without_metadata(picture: Image.Image) -> Image.Image:
    """Return the pixels alone: Pillow keeps metadata of the file it has read."""
    return Image.frombytes(picture.mode, picture.size, picture.tobytes())


def _is_svg(upload: bytes) -> bool:
    return re.search(rb"<\s*(?:svg|!doctype svg)", upload[:4096].replace(b"\0", b""), re.IGNORECASE) is not None


def _refuse(message: str) -> NoReturn:
    raise DomainError(message)
