"""Served assets match the vendored files, and pages run nothing that the content security policy forbids."""

import hashlib
import json
import re

import pytest
from django.conf import settings
from django.urls import reverse

from tools.vendor import CLASS, CLASSES, VENDOR, icons_in_sprite, icons_in_use, words_in_use

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
OWN = sorted((settings.BASE_DIR / "static").glob("[!v]*/*.*"))


def test_vendored_files_are_those_of_the_manifest():
    listed = {}
    for package in json.loads((VENDOR / "manifest.json").read_text()):
        assert package["version"] == _pinned()[package["package"]]
        listed |= package["files"]
    found = {str(path.relative_to(VENDOR)): path for path in VENDOR.rglob("*") if path.is_file()}
    del found["manifest.json"]
    assert listed.keys() == found.keys()
    for name, path in found.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[name]["sha256"], name


def _pinned() -> dict[str, str]:
    return json.loads((settings.BASE_DIR / "frontend/package.json").read_text())["dependencies"]


def test_the_sprite_has_exactly_the_icons_in_use():
    assert icons_in_sprite((VENDOR / "icons/sprite.svg").read_text()).keys() == icons_in_use(), "run tools/vendor.py"


def test_no_class_of_tabler_that_may_be_in_use_is_left_out_of_its_style():
    classes = json.loads(CLASSES.read_text())
    assert not words_in_use() & set(classes["left_out"]), "run tools/vendor.py"
    style = (VENDOR / "tabler/tabler.min.css").read_text()
    assert {"btn-primary", "dropdown-menu", "is-invalid"} <= set(CLASS.findall(style)) & set(classes["served"])
    assert "carousel-caption" in classes["left_out"] and len(style) < 200_000  # the whole is 635 kB


def test_no_template_runs_or_fetches_anything_from_elsewhere():
    for path in TEMPLATES:
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"\son[a-z]+\s*=|hx-on|javascript:", text), path
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", text), path


def test_no_style_or_script_fetches_anything_from_elsewhere():
    assert OWN
    for path in OWN:
        assert not re.search(r"https?://", path.read_text()), path


@pytest.mark.django_db
def test_the_policy_allows_own_scripts_only(client):
    policy = client.get(reverse("accounts:login"))["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"


@pytest.mark.django_db
def test_the_style_page_is_for_those_who_build_pages(client, viewer, settings):
    url = reverse("portal:styleguide")
    client.force_login(viewer)
    assert client.get(url).status_code == 404
    settings.DEBUG = True
    assert client.get(url).status_code == 200
