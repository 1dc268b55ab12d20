"""Uploaded pictures are made anew, or refused with a sentence (P11)."""

import io
import struct
import zlib

import pytest
from PIL import Image

from accounts.branding.services.pictures import ICON_SIZES, LOGO_SIZES, MAX_BYTES, render_icon, render_logo
from cpms.common.errors import DomainError
from tests.accounts.conftest import image


def opened(made):
    return Image.open(io.BytesIO(made.content))


def refusal(upload, make=render_logo):
    with pytest.raises(DomainError) as caught:
        make(upload)
    return str(caught.value)


def png_that_says(width, height):
    """A header that promises pixels, and hardly any data."""
    head = struct.pack("!IIBBBBB", width, height, 8, 6, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")):
        out += struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    return out


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "RGB"), ("WEBP", "RGBA"), ("JPEG", "CMYK")]
)
def test_a_logo_is_made_in_each_size_and_never_larger(kind, mode):
    """P11."""
    out = io.BytesIO()
    Image.new("RGB", (1000, 400), "red").convert(mode).save(out, kind)
    made = render_logo(out.getvalue())
    assert made.keys() == LOGO_SIZES.keys()
    for name, most in LOGO_SIZES.items():
        picture = opened(made[name])
        assert picture.format == "PNG" and picture.size == (made[name].width, made[name].height)
        assert picture.width <= most[0] and picture.height <= most[1]
    small = render_logo(image(size=(40, 20)))
    assert (small["page"].width, small["page"].height) == (40, 20)


def test_an_icon_is_square_whatever_came():
    """P11."""
    made = render_icon(image(size=(300, 100)))
    assert {name: (one.width, one.height) for name, one in made.items()} == {
        name: (side, side) for name, side in ICON_SIZES.items()
    }
    assert opened(made["32"]).getpixel((16, 0))[3] == 0  # a clear margin
    assert opened(made["180"]).getpixel((90, 0)) == (255, 255, 255, 255)


def test_nothing_of_the_file_is_kept_but_its_pixels():
    """P11: no position, no comment, no colour profile, nothing behind the picture."""
    exif = Image.Exif()
    exif[0x010E] = "<script>secret</script>"
    upload = image("JPEG", mode="RGB", exif=exif, comment=b"secret", icc_profile=b"secret" * 30) + b"<?php secret ?>"
    for made in (*render_logo(upload).values(), *render_icon(upload).values()):
        assert b"secret" not in made.content
        assert not opened(made).info


def test_a_photo_is_turned_as_the_camera_says():
    """P11."""
    exif = Image.Exif()
    exif[0x0112] = 6
    made = render_logo(image("JPEG", (80, 40), "RGB", exif=exif))
    assert (made["page"].width, made["page"].height) == (40, 80)


@pytest.mark.parametrize(
    "upload",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?>\n<!-- x -->\n<SVG onload='alert(1)'/>",
        "<svg/>".encode("utf-16"),
    ],
)
def test_an_svg_is_refused_with_what_to_do(upload):
    """P11."""
    assert "PNG" in refusal(upload) and "SVG" in refusal(upload)


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"GIF89a" + bytes(50),
        b"%PDF-1.7",
        b"<html>",
        b"\x89PNG\r\n\x1a\n",
        bytes(1000),
        b"\xff\xd8\xff" + bytes(99),
    ],
)
def test_what_is_no_picture_is_refused(upload):
    """P11."""
    assert refusal(upload) == refusal(upload, render_icon)


def test_other_kinds_of_pictures_are_refused():
    """P11: each decoder is a door."""
    for kind in ("GIF", "BMP", "TIFF", "ICO"):
        assert "PNG, JPEG or WebP" in refusal(image(kind))


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (4097, 20), (4096, 4096), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header(width, height):
    """P11."""
    assert refusal(png_that_says(width, height))


def test_a_text_that_unpacks_to_megabytes_is_refused():
    """P11: a picture of a few bytes whose comment is a bomb."""
    data = b"c\0\0" + zlib.compress(bytes(80 * 1024 * 1024), 9)
    chunk = struct.pack("!I", len(data)) + b"zTXt" + data + struct.pack("!I", zlib.crc32(b"zTXt" + data))
    plain = image()
    assert refusal(plain[:33] + chunk + plain[33:])


def test_a_damaged_picture_is_refused():
    """P11."""
    assert "damaged" in refusal(png_that_says(2000, 2000))
    whole = image(size=(400, 400))
    assert refusal(whole[: len(whole) // 2])


def test_too_large_and_too_small_is_refused():
    """P11."""
    assert "1 MB" in refusal(image() + bytes(MAX_BYTES))
    assert "too small" in refusal(image(size=(200, 15)))


def test_of_moving_pictures_the_first_frame_is_kept():
    """P11."""
    out = io.BytesIO()
    frames = [Image.new("RGB", (50, 50), name) for name in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert opened(render_logo(out.getvalue())["page"]).getpixel((5, 5))[:3] == (255, 0, 0)
